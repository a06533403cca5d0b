//! Who calls: the bearer token of a request, and whose it is. Cookies count for nothing here, so that
//! no other site can make a browser act in its owner's name; but for one operation, which changes
//! nothing, and to which other sites' requests come as those of nobody.

use std::ops::Deref;

use poem::{
    Request, RequestBody, Result,
    http::header,
    web::headers::{Cookie, HeaderMapExt},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    auth::{Bearer, BearerAuthorization},
    registry::{MetaSecurityScheme, Registry},
};

use super::problem::Problem;
use crate::{
    domain::{Account, ApiToken, SessionToken, UserId},
    http::{
        client::{Client, SESSION_COOKIE},
        cross_site::refuse_cross_site,
    },
    service::{Credential, Service},
};

/// How the document calls the scheme.
const SCHEME: &str = "token";
const SCHEME_DESCRIPTION: &str = "A bearer token that `POST /tokens` gave out.";
/// How the document calls the other scheme.
const SESSION_SCHEME: &str = "session";
const SESSION_SCHEME_DESCRIPTION: &str = "The cookie of somebody who has signed in to the pages, sent \
    by one of them.";

/// The owner of the request's token; without a good one the request is answered 401. The first
/// argument of an operation, since arguments are extracted in order and 401 comes before any other
/// failure.
pub(super) struct Caller(pub(super) Account);

/// The owner of the request's token, if it has one. One that is no longer good is answered 401, too:
/// its owner believes to be signed in.
pub(super) struct MaybeCaller(pub(super) Option<Account>);

impl Deref for Caller {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0
    }
}

/// Somebody who listens to the stream, and by what right.
pub(super) struct Listening {
    pub(super) user: UserId,
    pub(super) credential: Credential,
}

/// The owner of the request's token, or of the session whose cookie one of the pages sent, if there is
/// either. A token that is no longer good is answered 401.
pub(super) struct MaybeListening(pub(super) Option<Listening>);

/// Whose token the request has; `None` if it has no credentials at all.
async fn account(request: &Request) -> Result<Option<Account>, Problem> {
    let Some(token) = token(request)? else { return Ok(None) };
    token_account(request, &token).await.map(Some)
}

/// The token that the request has; `None` if it has no credentials at all.
fn token(request: &Request) -> Result<Option<ApiToken>, Problem> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let bearer = Bearer::from_request(request).map_err(|_| Problem::unauthorized())?;
    bearer.token.parse().map(Some).map_err(|_| Problem::unauthorized())
}

async fn token_account(request: &Request, token: &ApiToken) -> Result<Account, Problem> {
    let service = request.data::<Service>().ok_or_else(Problem::internal)?;
    service.token_account(token).await?.ok_or_else(Problem::unauthorized)
}

/// Who would listen; `None` if the request has neither a token nor a session that counts.
async fn listening(request: &Request) -> Result<Option<Listening>, Problem> {
    if let Some(token) = token(request)? {
        let user = token_account(request, &token).await?.user.id;
        return Ok(Some(Listening { user, credential: Credential::Token(token.hash()) }));
    }
    let Some(session) = session(request) else { return Ok(None) };
    let service = request.data::<Service>().ok_or_else(Problem::internal)?;
    let user = service.session_user(&session).await?;
    let credential = Credential::Session(session.hash());
    Ok(user.map(|user| Listening { user: user.id, credential }))
}

/// The session whose cookie the request has, unless another site made the browser send it.
fn session(request: &Request) -> Option<SessionToken> {
    refuse_cross_site(request.headers(), request.data::<Client>()?).ok()?;
    request.headers().typed_get::<Cookie>()?.get(SESSION_COOKIE)?.parse().ok()
}

fn register_scheme(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "http",
        description: Some(SCHEME_DESCRIPTION),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(SCHEME, scheme);
}

fn register_both_schemes(registry: &mut Registry) {
    register_scheme(registry);
    let scheme = MetaSecurityScheme {
        ty: "apiKey",
        description: Some(SESSION_SCHEME_DESCRIPTION),
        name: Some(SESSION_COOKIE),
        key_in: Some("cookie"),
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(SESSION_SCHEME, scheme);
}

/// Makes an extractor of a type: what the document says, and how it is made of the request.
macro_rules! credentials {
    (
        $type:ty, $schemes:expr, $register:path, optional: $optional:literal, $of:expr
    ) => {
        impl<'a> ApiExtractor<'a> for $type {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                $register(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                $schemes
            }

            fn has_security_fallback() -> bool {
                $optional
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                let of: Result<Self, Problem> = $of(request).await;
                of.map_err(Problem::into_error)
            }
        }
    };
}

credentials!(Caller, vec![SCHEME], register_scheme, optional: false, async |request| {
    account(request).await?.map(Caller).ok_or_else(Problem::unauthorized)
});
credentials!(MaybeCaller, vec![SCHEME], register_scheme, optional: true, async |request| {
    account(request).await.map(MaybeCaller)
});
credentials!(
    MaybeListening,
    vec![SCHEME, SESSION_SCHEME],
    register_both_schemes,
    optional: true,
    async |request| listening(request).await.map(MaybeListening)
);
