//! Authentication of requests by bearer token, and the scopes that operations require.
//!
//! The API ignores cookies, so another site cannot make a browser act for its user. The only exception
//! is the stream: it changes nothing, and ignores the cookie of a cross-site request.

use std::{marker::PhantomData, ops::Deref};

use poem::{Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    auth::{Bearer, BearerAuthorization},
    registry::{MetaSecurityScheme, Registry},
};

use super::{code::Code, problem::Problem};
use crate::{
    domain::{Account, ApiToken, Grant, Scope, SessionToken, UserId},
    http::{
        client::Client,
        cookies::{CookieNames, MAX_SESSIONS, mentions_session},
        cross_site::reject_cross_site,
    },
    service::{Credential, Service},
};

// Swagger UI sorts the schemes by name, and this one comes first.
const TOKEN_SCHEME: &str = "bearer";
const SESSION_SCHEME: &str = "session";

/// The scope that an operation requires of its caller's token.
pub(super) trait Required: Send + Sync {
    /// `None`: a token with any scope suffices; the operation may check further.
    const SCOPE: Option<Scope>;
}

/// Declares types that implement [`Required`].
macro_rules! required {
    ($($name:ident = $scope:expr;)*) => {
        $(pub(super) struct $name;

        impl Required for $name {
            const SCOPE: Option<Scope> = $scope;
        })*
    };
}

required! {
    Read = Some(Scope::Read);
    Write = Some(Scope::Write);
    Manage = Some(Scope::Account);
    AnyScope = None;
}

/// What the request's token permits. Without a valid token the response is 401; if the token lacks the
/// scope `R`, it is 403.
///
/// The first argument of an operation: poem extracts arguments in order, so 401 and 403 take
/// precedence over other errors.
pub(super) struct Caller<R>(pub(super) Grant, PhantomData<R>);

impl<R> Caller<R> {
    /// Checks that the token has all of `scopes`.
    pub(super) fn require(&self, scopes: &[Scope]) -> Result<(), Problem> {
        require(&self.0, scopes)
    }
}

impl<R> Deref for Caller<R> {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0.account
    }
}

/// The account whose token authenticates the request, if the request has a token. The token needs the
/// scope `read`.
///
/// An invalid token is 401, too, because its client expects to be signed in.
pub(super) struct OptionalCaller(pub(super) Option<Account>);

/// The user of a stream, and the credential with which the stream ends.
pub(super) struct Subscriber {
    pub(super) user: UserId,
    pub(super) credential: Credential,
}

/// The subscriber, if the request has a token or the cookie of a session. An invalid token is 401.
pub(super) struct OptionalSubscriber(pub(super) Option<Subscriber>);

async fn caller<R: Required>(request: &Request) -> Result<Option<Grant>, Problem> {
    match token(request)? {
        Some(token) => grant::<R>(request, &token).await.map(Some),
        None => Ok(None),
    }
}

/// Returns the request's token; `None` if the request has no `Authorization` header.
fn token(request: &Request) -> Result<Option<ApiToken>, Problem> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let bearer = Bearer::from_request(request).map_err(|_| Code::InvalidToken)?;
    Ok(Some(bearer.token.parse().map_err(|_| Code::InvalidToken)?))
}

async fn grant<R: Required>(request: &Request, token: &ApiToken) -> Result<Grant, Problem> {
    let grant = service(request)?.grant(token).await?.ok_or(Code::InvalidToken)?;
    require(&grant, R::SCOPE.as_slice())?;
    Ok(grant)
}

fn require(grant: &Grant, scopes: &[Scope]) -> Result<(), Problem> {
    let missing = scopes.iter().copied().filter(|scope| !grant.scopes.contains(*scope));
    let missing: Vec<Scope> = missing.collect();
    if missing.is_empty() { Ok(()) } else { Err(Problem::insufficient_scope(scopes, &missing)) }
}

async fn subscriber(request: &Request) -> Result<Option<Subscriber>, Problem> {
    if let Some(token) = token(request)? {
        let user = grant::<Read>(request, &token).await?.account.user.id;
        return Ok(Some(Subscriber { user, credential: Credential::Token(token.hash()) }));
    }
    let sessions = sessions(request).await?;
    let found = service(request)?.first_session(sessions).await?;
    Ok(found.map(|(session, account)| Subscriber {
        user: account.user.id,
        credential: Credential::Session(session.hash()),
    }))
}

/// The sessions of the request's cookies; none if the request is cross-site.
async fn sessions(request: &Request) -> Result<Vec<SessionToken>, Problem> {
    let client: &Client = request.data().ok_or_else(Problem::internal)?;
    let headers = request.headers();
    if !mentions_session(headers) || reject_cross_site(headers, client).is_err() {
        return Ok(Vec::new());
    }
    let instance = service(request)?.instance().await?;
    let names = CookieNames::new(&instance.name, client.https);
    let sent = names.sessions(headers, instance.reads_former_cookies());
    Ok(sent.iter().filter_map(|cookie| cookie.value.parse().ok()).take(MAX_SESSIONS).collect())
}

fn service(request: &Request) -> Result<&Service, Problem> {
    request.data().ok_or_else(Problem::internal)
}

const TOKEN: MetaSecurityScheme = MetaSecurityScheme {
    ty: "http",
    description: Some(
        "A bearer token from `POST /tokens`, with the scope that the operation requires.",
    ),
    name: None,
    key_in: None,
    scheme: Some("bearer"),
    bearer_format: None,
    flows: None,
    openid_connect_url: None,
};

const SESSION: MetaSecurityScheme = MetaSecurityScheme {
    ty: "apiKey",
    description: Some(
        "The cookie of a session on the pages, in a request from one of these pages. Its name is \
         `session_` and the name of the instance, over HTTPS `__Host-session_` and that name; the \
         document that an instance serves contains it.",
    ),
    name: Some("session"),
    key_in: Some("cookie"),
    scheme: None,
    bearer_format: None,
    flows: None,
    openid_connect_url: None,
};

/// Implements an extractor: the security schemes in the document, and a function from the request
/// to the value.
macro_rules! credentials {
    (
        [$($generics:tt)*] $type:ty, $schemes:expr, optional: $optional:literal, $authenticate:expr
    ) => {
        impl<'a, $($generics)*> ApiExtractor<'a> for $type {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                for (name, scheme) in $schemes {
                    registry.create_security_scheme(name, scheme);
                }
            }

            fn security_schemes() -> Vec<&'static str> {
                $schemes.map(|(name, _)| name).to_vec()
            }

            fn has_security_fallback() -> bool {
                $optional
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                let value: Result<Self, Problem> = $authenticate(request).await;
                value.map_err(Problem::into_error)
            }
        }
    };
}

credentials!(
    [R: Required] Caller<R>,
    [(TOKEN_SCHEME, TOKEN)],
    optional: false,
    async |request| {
        let grant = caller::<R>(request).await?.ok_or(Code::TokenRequired)?;
        Ok(Self(grant, PhantomData))
    }
);
credentials!([] OptionalCaller, [(TOKEN_SCHEME, TOKEN)], optional: true, async |request| {
    let grant = caller::<Read>(request).await?;
    Ok(Self(grant.map(|grant| grant.account)))
});
credentials!(
    [] OptionalSubscriber,
    [(TOKEN_SCHEME, TOKEN), (SESSION_SCHEME, SESSION)],
    optional: true,
    async |request| subscriber(request).await.map(Self)
);
