//! Bearer tokens: create, list and revoke them.

use std::time::Duration;

use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json, types::Example};
use time::{OffsetDateTime, macros::datetime};

use super::{
    auth::Caller,
    failure::{Failure, failures},
    fields::{FieldErrors, Unparsed, any_string},
    paging::{
        CursorParam, LimitParam, PageParams, PageRequest, PageResponse, default_limit,
        example_key_cursor,
    },
    profiles::example_username,
    tags::Tag,
};
use crate::{
    domain::{KeyCursor, TokenId, TokenName, TokenRecord},
    http::client::Client,
    service::{Error, Service, SignInClient},
};

const DEFAULT_LIFETIME_DAYS: u16 = 90;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A request for a bearer token.
#[derive(Object)]
#[oai(example)]
struct NewToken {
    /// The username. White space around it, and an `@` before it, are ignored.
    #[oai(validator(pattern = r"^[^\u0000]*$"))]
    username: Unparsed<String>,
    /// The user's password.
    #[oai(validator(pattern = r"^[^\u0000]*$"))]
    password: Unparsed<String>,
    /// A name to recognize the token in a list: 1 to 64 characters, none of them invisible or
    /// unassigned.
    #[oai(validator(
        min_length = 1,
        max_length = 64,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
    ))]
    name: Unparsed<String>,
    /// The lifetime in days: 1 to 365, 90 by default.
    #[oai(validator(minimum(value = "1"), maximum(value = "365")))]
    expires_in_days: Unparsed<Option<i32>>,
}

impl Example for NewToken {
    fn example() -> Self {
        Self {
            username: example_username().into(),
            password: "correct horse".into(),
            name: "Roger's phone".into(),
            expires_in_days: DEFAULT_LIFETIME_DAYS.into(),
        }
    }
}

/// A bearer token, without its secret.
#[derive(Debug, Object)]
#[oai(example)]
struct Token {
    /// The id, to revoke the token.
    id: i64,
    /// The name that the user gave to the token.
    name: String,
    /// The time at which the token was created.
    created_at: OffsetDateTime,
    /// The time at which the token expires.
    expires_at: OffsetDateTime,
}

impl Example for Token {
    fn example() -> Self {
        Self {
            id: 7,
            name: "Roger's phone".to_owned(),
            created_at: datetime!(2020-02-21 00:21 UTC),
            expires_at: datetime!(2020-05-21 00:21 UTC),
        }
    }
}

impl From<TokenRecord> for Token {
    fn from(token: TokenRecord) -> Self {
        Self {
            id: token.id.0,
            name: token.name.as_str().to_owned(),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }
}

/// A new bearer token, with its secret.
#[derive(Object)]
#[oai(example)]
struct IssuedToken {
    #[oai(flatten)]
    record: Token,
    /// The secret, for the header `Authorization: Bearer …`. The server stores only its hash, so
    /// no later response can contain it.
    token: String,
}

impl Example for IssuedToken {
    fn example() -> Self {
        let token = "minitwit_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned();
        Self { record: Token::example(), token }
    }
}

#[derive(ApiResponse)]
enum CreateResponse {
    /// The token is created. Store the secret; no later response contains it.
    #[oai(status = 201)]
    Created(Json<IssuedToken>),
}

#[derive(ApiResponse)]
enum RevokeResponse {
    /// The token is revoked.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    Create = BODY, [WrongCredentials, AccountDisabled, RateLimited],
        "name": "The name must not be empty";
    List = TOKEN, [], "limit": "must be an integer from 1 to 100";
    Revoke = TOKEN, [UnknownToken];
}

pub(super) struct Tokens;

#[OpenApi(tag = "Tag::Tokens")]
impl Tokens {
    /// Create a bearer token
    ///
    /// Signs a client in with a username and a password. 401 if one of them is wrong; 403 if both
    /// are right and the account is disabled.
    #[oai(path = "/tokens", method = "post", operation_id = "createToken")]
    async fn create(
        &self,
        token: Json<NewToken>,
        client: Client,
        service: Data<&Service>,
    ) -> Result<CreateResponse, Failure<Create>> {
        let token = token.0;
        let mut errors = FieldErrors::default();
        let username = errors.string("username", token.username, any_string);
        let password = errors.string("password", token.password, any_string);
        let name = errors.string("name", token.name, TokenName::parse);
        let days = errors.integer("expires_in_days", token.expires_in_days, 1..=365);
        let ((username, password), name) = errors.finish(username.zip(password).zip(name))?;
        let lifetime = DAY * days.unwrap_or(DEFAULT_LIFETIME_DAYS).into();
        let client = SignInClient { address: client.address, browser: None };
        let issued = service.create_token(&username, &password, &name, lifetime, &client).await?;
        let token = issued.secret.expose();
        Ok(CreateResponse::Created(Json(IssuedToken { record: issued.record.into(), token })))
    }

    /// List the caller's tokens
    ///
    /// Returns the valid tokens (not expired, not revoked), newest first.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    async fn list(
        &self,
        caller: Caller,
        /// The maximum number of tokens in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_key_cursor")]
        cursor: CursorParam<KeyCursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Token>, Failure<List>> {
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        let page = service.tokens(caller.user.id, before, limit).await?;
        Ok(PageResponse::new(&request, page))
    }

    /// Revoke a token
    ///
    /// Revokes one of the caller's tokens immediately. To sign out, a client revokes its own token.
    #[oai(path = "/tokens/:token_id", method = "delete", operation_id = "revokeToken")]
    async fn revoke(
        &self,
        caller: Caller,
        /// The id of the token.
        #[oai(example = "example_id")]
        token_id: Path<String>,
        service: Data<&Service>,
    ) -> Result<RevokeResponse, Failure<Revoke>> {
        let id = token_id.parse().map_err(|_| Error::UnknownToken)?;
        service.revoke_token(caller.user.id, TokenId(id)).await?;
        Ok(RevokeResponse::NoContent)
    }
}

fn example_id() -> String {
    "7".to_owned()
}
