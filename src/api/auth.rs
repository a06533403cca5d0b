//! Who calls: the bearer token of a request, and whose it is. Cookies count for nothing here, so that
//! no other site can make a browser act in its owner's name.

use std::ops::Deref;

use poem::{Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    auth::{Bearer, BearerAuthorization},
    registry::{MetaSecurityScheme, Registry},
};

use super::problem::Problem;
use crate::{
    domain::{Account, ApiToken},
    service::Service,
};

/// How the document calls the scheme.
const SCHEME: &str = "token";
const SCHEME_DESCRIPTION: &str = "A bearer token that `POST /tokens` gave out.";

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

/// Whose token the request has; `None` if it has no credentials at all.
async fn account(request: &Request) -> Result<Option<Account>, Problem> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let bearer = Bearer::from_request(request).map_err(|_| Problem::unauthorized())?;
    let token: ApiToken = bearer.token.parse().map_err(|_| Problem::unauthorized())?;
    let service = request.data::<Service>().ok_or_else(Problem::internal)?;
    let account = service.token_account(&token).await?;
    account.map(Some).ok_or_else(Problem::unauthorized)
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

/// Makes an extractor of a type: what the document says, and how it is made of the account.
macro_rules! bearer_token {
    ($type:ty, optional: $optional:literal, $of:expr) => {
        impl<'a> ApiExtractor<'a> for $type {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_scheme(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![SCHEME]
            }

            fn has_security_fallback() -> bool {
                $optional
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                let of: fn(Option<Account>) -> Result<Self, Problem> = $of;
                account(request).await.and_then(of).map_err(Problem::into_error)
            }
        }
    };
}

bearer_token!(Caller, optional: false, |account| {
    account.map(Caller).ok_or_else(Problem::unauthorized)
});
bearer_token!(MaybeCaller, optional: true, |account| Ok(MaybeCaller(account)));
