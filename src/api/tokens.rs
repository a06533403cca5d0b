//! Bearer tokens.

use std::time::Duration;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::Example,
};
use time::{OffsetDateTime, macros::datetime};

use super::{
    Resource,
    auth::Caller,
    failure::Failure,
    fields::{Field, OptionalField, Refusals},
    paging::{Limit, PageParams, PageRequest, PageResponse, default_limit},
    problem::Problem,
    values::{Text, Whole},
};
use crate::http::openapi::statuses;
use crate::{
    domain::{KeyCursor, TokenId, TokenName, TokenRecord},
    http::client::Client,
    service::{Origin, Service},
};

/// How many days a token lasts when its maker does not say.
const DEFAULT_DAYS: u16 = 90;

/// How many days a token lasts.
type Days = Whole<1, 365>;

/// A token to make.
#[derive(Object)]
#[oai(example)]
struct NewToken {
    /// The name of whoever signs in.
    username: Field<Text>,
    /// That user's password.
    password: Field<Text>,
    /// What to call the token, to tell it from others: 1 to 64 characters.
    name: Field<TokenName>,
    /// How many days it lasts: 1 to 365, and 90 when this is absent.
    expires_in_days: OptionalField<Days>,
}

impl Example for NewToken {
    fn example() -> Self {
        Self {
            username: Text::from("Roger Histand").into(),
            password: Text::from("correct horse").into(),
            name: TokenName::from_stored("Roger's phone".to_owned()).into(),
            expires_in_days: Whole(DEFAULT_DAYS).into(),
        }
    }
}

/// A token as its owner sees it: everything but the secret.
#[derive(Debug, Object)]
#[oai(example)]
struct Token {
    /// The number by which to revoke it.
    id: i64,
    /// What it is called.
    name: String,
    /// When it was made.
    created_at: OffsetDateTime,
    /// When it ends.
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

/// A token that was just made.
#[derive(Object)]
#[oai(example)]
struct MadeToken {
    /// The number by which to revoke it.
    id: i64,
    /// What it is called.
    name: String,
    /// When it was made.
    created_at: OffsetDateTime,
    /// When it ends.
    expires_at: OffsetDateTime,
    /// The secret to send as `Authorization: Bearer …`. It is shown this once; only its hash is kept.
    token: String,
}

impl Example for MadeToken {
    fn example() -> Self {
        let Token { id, name, created_at, expires_at } = Token::example();
        let token = "minitwit_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned();
        Self { id, name, created_at, expires_at, token }
    }
}

#[derive(ApiResponse)]
enum Made {
    /// The token is made. Its secret is never shown again.
    #[oai(status = 201)]
    Created(Json<MadeToken>),
}

#[derive(ApiResponse)]
enum Revoked {
    /// The token is good no longer.
    #[oai(status = 204)]
    NoContent,
}

statuses! {
    Make = [400, 401, 403, 408, 413, 415, 422, 429];
    List = [401, 422];
    Revoke = [401, 404];
}

pub(super) struct Tokens;

#[OpenApi(tag = "Resource::Tokens")]
impl Tokens {
    /// Sign in
    ///
    /// Makes a bearer token for whoever knows the password. That an account is disabled is told only
    /// with the right password.
    #[oai(path = "/tokens", method = "post", operation_id = "createToken")]
    async fn create(
        &self,
        token: Json<NewToken>,
        client: Client,
        service: Data<&Service>,
    ) -> Result<Made, Failure<Make>> {
        let Json(NewToken { username, password, name, expires_in_days }) = token;
        let mut refusals = Refusals::default();
        let username = refusals.required("username", username);
        let password = refusals.required("password", password);
        let name = refusals.required("name", name);
        let days = refusals.optional("expires_in_days", expires_in_days);
        let given = username.zip(password).zip(name);
        let ((Text(username), Text(password)), name) = refusals.all(given)?;
        let days = days.map_or(DEFAULT_DAYS, |days| days.0);
        let lifetime = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
        let origin = Origin::Address(client.address);
        let made = service.create_token(&username, &password, &name, lifetime, origin).await?;
        let Token { id, name, created_at, expires_at } = made.record.into();
        let token = made.secret.expose();
        Ok(Made::Created(Json(MadeToken { id, name, created_at, expires_at, token })))
    }

    /// The own tokens
    ///
    /// Those that have neither ended nor been revoked, newest first.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    async fn list(
        &self,
        caller: Caller,
        /// How many tokens at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<KeyCursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Token>, Failure<List>> {
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        let page = service.tokens(caller.user.id, before, limit).await?;
        Ok(PageResponse::new(&asked, page))
    }

    /// Revoke a token
    ///
    /// One of the caller's own; it may be the one that this request is made with.
    #[oai(path = "/tokens/:token_id", method = "delete", operation_id = "revokeToken")]
    async fn revoke(
        &self,
        caller: Caller,
        /// Which token.
        #[oai(example = "example_id")]
        token_id: Path<String>,
        service: Data<&Service>,
    ) -> Result<Revoked, Failure<Revoke>> {
        // What is no number is no token's.
        let id =
            token_id.parse().map_err(|_| Problem::from(crate::service::Error::UnknownToken))?;
        service.revoke_token(caller.user.id, TokenId(id)).await?;
        Ok(Revoked::NoContent)
    }
}

fn example_id() -> String {
    "7".to_owned()
}

fn example_cursor() -> OptionalField<KeyCursor> {
    KeyCursor(7).into()
}
