//! Bearer tokens: create, list and revoke them.

use std::time::Duration;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi, param::Path, payload::Json, types::Example,
};
use time::{OffsetDateTime, macros::datetime};

use super::{
    auth::{AnyScope, Caller, Manage},
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
    domain::{self, KeyCursor, Scopes, TokenId, TokenName, TokenRecord, TokenRequest},
    http::client::Client,
    service::{Error, Service, SignInClient},
};

const DEFAULT_LIFETIME_DAYS: u16 = 90;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A kind of request that a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum Scope {
    /// Read what the user can read.
    Read,
    /// Post, edit and delete messages; follow; change the public profile.
    Write,
    /// Change the e-mail address and password, manage tokens, delete the account.
    Account,
}

impl From<domain::Scope> for Scope {
    fn from(scope: domain::Scope) -> Self {
        match scope {
            domain::Scope::Read => Self::Read,
            domain::Scope::Write => Self::Write,
            domain::Scope::Account => Self::Account,
        }
    }
}

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
    /// What the token permits, all scopes by default. `read`: read what the user can read. `write`:
    /// post, edit and delete messages, follow, change the public profile. `account`: change the
    /// e-mail address and password, list and revoke tokens, delete the account.
    #[oai(validator(min_items = 1, max_items = 3, unique_items))]
    scopes: Unparsed<Option<Vec<Scope>>>,
}

impl Example for NewToken {
    fn example() -> Self {
        Self {
            username: example_username().into(),
            password: "correct horse".into(),
            name: "Roger's phone".into(),
            expires_in_days: DEFAULT_LIFETIME_DAYS.into(),
            scopes: vec!["read", "write"].into(),
        }
    }
}

/// A bearer token, without its secret.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct Token {
    /// The id, to revoke the token.
    id: i64,
    /// The name that the user gave to the token.
    name: String,
    /// The time at which the token was created.
    created_at: OffsetDateTime,
    /// The time at which the token expires.
    expires_at: OffsetDateTime,
    /// What the token permits.
    scopes: Vec<Scope>,
    /// The time of the last use, up to a minute old; null if the token was never used.
    #[oai(nullable)]
    last_used_at: Option<OffsetDateTime>,
}

impl Example for Token {
    fn example() -> Self {
        Self {
            id: 7,
            name: "Roger's phone".to_owned(),
            created_at: datetime!(2020-02-21 00:21 UTC),
            expires_at: datetime!(2020-05-21 00:21 UTC),
            scopes: vec![Scope::Read, Scope::Write],
            last_used_at: Some(datetime!(2020-02-22 13:37 UTC)),
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
            scopes: token.scopes.iter().map(Scope::from).collect(),
            last_used_at: token.last_used_at,
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
        let scopes = errors.strings("scopes", token.scopes, Scopes::parse);
        let ((username, password), name) = errors.finish(username.zip(password).zip(name))?;
        let lifetime = DAY * days.unwrap_or(DEFAULT_LIFETIME_DAYS).into();
        // Clients that do not know scopes get all of them, so that no request of theirs fails.
        let scopes = scopes.unwrap_or_else(Scopes::all);
        let request = TokenRequest { name, scopes, lifetime };
        let client = SignInClient { address: client.address, browser: None };
        let issued = service.create_token(&username, &password, &request, &client).await?;
        let token = issued.secret.expose();
        Ok(CreateResponse::Created(Json(IssuedToken { record: issued.record.into(), token })))
    }

    /// List the caller's tokens
    ///
    /// Returns the valid tokens (not expired, not revoked), newest first. Requires the scope
    /// `account`.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    async fn list(
        &self,
        caller: Caller<Manage>,
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
    /// Revokes one of the caller's tokens immediately. To sign out, a client revokes its own token
    /// (`GET /account` has its id). Another token requires the scope `account`.
    #[oai(path = "/tokens/:token_id", method = "delete", operation_id = "revokeToken")]
    async fn revoke(
        &self,
        caller: Caller<AnyScope>,
        /// The id of the token.
        #[oai(example = "example_id")]
        token_id: Path<String>,
        service: Data<&Service>,
    ) -> Result<RevokeResponse, Failure<Revoke>> {
        let id = token_id.parse().map(TokenId);
        if id != Ok(caller.0.token) {
            caller.require(&[domain::Scope::Account])?;
        }
        service.revoke_token(caller.user.id, id.map_err(|_| Error::UnknownToken)?).await?;
        Ok(RevokeResponse::NoContent)
    }
}

fn example_id() -> String {
    "7".to_owned()
}
