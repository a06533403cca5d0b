//! The table `api_tokens`: bearer tokens.

use std::time::Duration;

use time::OffsetDateTime;

use super::{
    error::Error,
    parameters::{client_hashes, interval, one_more},
    pool::Database,
    users::{AccountRow, profile},
};
use crate::domain::{
    Account, AccountView, ClientHash, Email, Grant, KeyCursor, Page, Scope, Scopes, TokenHash,
    TokenId, TokenName, TokenRecord, TokenRequest, UserId,
};

struct TokenRow {
    token_id: i64,
    name: String,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    scopes: Vec<String>,
    last_used_at: Option<OffsetDateTime>,
}

impl From<TokenRow> for TokenRecord {
    fn from(row: TokenRow) -> Self {
        Self {
            id: TokenId(row.token_id),
            name: TokenName::from_stored(row.name),
            created_at: row.created_at,
            expires_at: row.expires_at,
            scopes: Scopes::from_stored(&row.scopes),
            last_used_at: row.last_used_at,
        }
    }
}

/// A token to insert.
#[derive(Debug, Clone)]
pub struct NewTokenRow<'a> {
    /// The hash of the secret.
    pub token: TokenHash,
    /// What the owner asked for.
    pub request: &'a TokenRequest,
    /// What its client is recognized by at a later sign-in; empty if the client is signed in.
    pub clients: &'a [ClientHash],
}

/// Inserts a token, and its client as known. Returns `None` if the password differs from that of
/// `account`, or if the account is disabled or no longer exists.
pub async fn insert(
    database: &Database,
    account: &Account,
    new: &NewTokenRow<'_>,
) -> Result<Option<TokenRecord>, Error> {
    let request = new.request;
    let scopes: Vec<&str> = request.scopes.iter().map(Scope::name).collect();
    let query = sqlx::query_as!(
        TokenRow,
        "INSERT INTO api_tokens (user_id, token_hash, name, expires_at, scopes)
         SELECT user_id, $3, $4, now() + $5::interval, $6 FROM sign_in($1, $2, $7) AS user_id
         RETURNING token_id, name, created_at, expires_at, scopes, last_used_at",
        account.user.id.0,
        account.password_hash.expose(),
        new.token.as_bytes(),
        request.name.as_str(),
        interval(request.lifetime),
        &scopes as &[&str],
        &client_hashes(new.clients) as &[&[u8]],
    );
    Ok(database.optional(query).await?.map(TokenRecord::from))
}

/// A valid token.
#[derive(Debug, Clone)]
pub struct ValidToken {
    /// What it permits.
    pub grant: Grant,
    /// Whether its last recorded use is older than the age that the caller gave.
    pub record_use: bool,
}

/// Returns a valid token; `None` if it does not exist or has expired, or if its account is disabled.
///
/// [`ValidToken::record_use`] is true if no use within the last `max_age` is recorded.
pub async fn find(
    database: &Database,
    token: &TokenHash,
    max_age: Duration,
) -> Result<Option<ValidToken>, Error> {
    let query = sqlx::query!(
        r#"SELECT user_id, username, password_scheme, password_hash, token_id, scopes,
                  (last_used_at > now() - $2::interval) IS NOT TRUE AS "record_use!"
           FROM api_tokens JOIN users USING (user_id)
           WHERE token_hash = $1 AND expires_at > now() AND disabled_at IS NULL"#,
        token.as_bytes(),
        interval(max_age),
    );
    let Some(row) = database.optional(query).await? else { return Ok(None) };
    let account = AccountRow {
        user_id: row.user_id,
        username: row.username,
        password_scheme: row.password_scheme,
        password_hash: row.password_hash,
    };
    let grant = Grant {
        account: account.authenticated_by(token.clone())?,
        token: TokenId(row.token_id),
        scopes: Scopes::from_stored(&row.scopes),
    };
    Ok(Some(ValidToken { grant, record_use: row.record_use }))
}

/// Returns a valid token with the account of its user; `None` if it no longer exists.
pub async fn with_account(
    database: &Database,
    token: TokenId,
) -> Result<Option<(AccountView, TokenRecord)>, Error> {
    let query = sqlx::query!(
        "SELECT token_id, name, api_tokens.created_at, expires_at, scopes, last_used_at,
                username, email, display_name, bio, users.created_at AS joined_at
         FROM api_tokens JOIN users USING (user_id)
         WHERE token_id = $1 AND expires_at > now() AND disabled_at IS NULL",
        token.0,
    );
    Ok(database.optional(query).await?.map(|row| {
        let account = AccountView {
            profile: profile(row.username, row.display_name, row.bio, row.joined_at),
            email: Email::from_stored(row.email),
        };
        let token = TokenRow {
            token_id: row.token_id,
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
            scopes: row.scopes,
            last_used_at: row.last_used_at,
        };
        (account, token.into())
    }))
}

/// Records that these tokens are in use, except those with a recorded use within the last `max_age`.
///
/// Skips a token that another statement has locked: another replica records its use, or its user is
/// revoking it.
pub async fn record_uses(
    database: &Database,
    tokens: &[TokenId],
    max_age: Duration,
) -> Result<(), Error> {
    let ids: Vec<i64> = tokens.iter().map(|token| token.0).collect();
    let query = sqlx::query!(
        "UPDATE api_tokens SET last_used_at = now()
         WHERE token_id = ANY (ARRAY(
             SELECT token_id FROM api_tokens
             WHERE token_id = ANY ($1)
               AND (last_used_at > now() - $2::interval) IS NOT TRUE
             FOR NO KEY UPDATE SKIP LOCKED))",
        &ids as &[i64],
        interval(max_age),
    );
    database.execute(query).await.map(drop)
}

/// Lists the valid tokens of `owner` after the cursor `before`, newest first.
pub async fn list(
    database: &Database,
    owner: UserId,
    before: Option<KeyCursor>,
    limit: u16,
) -> Result<Page<TokenRecord, KeyCursor>, Error> {
    let query = sqlx::query_as!(
        TokenRow,
        "SELECT token_id, name, created_at, expires_at, scopes, last_used_at FROM api_tokens
         WHERE user_id = $1 AND expires_at > now()
           AND token_id < COALESCE($2::bigint, 9223372036854775807)
         ORDER BY token_id DESC
         LIMIT $3",
        owner.0,
        before.map(|cursor| cursor.0),
        one_more(limit),
    );
    let rows = database.all(query).await?.into_iter().map(|row| {
        let cursor = KeyCursor(row.token_id);
        (row.into(), cursor)
    });
    Ok(Page::of(rows, limit))
}

/// Deletes a token of `owner`. Returns `false` if `owner` has no such token.
pub async fn delete(database: &Database, owner: UserId, token: TokenId) -> Result<bool, Error> {
    let query = sqlx::query!(
        "DELETE FROM api_tokens WHERE token_id = $1 AND user_id = $2",
        token.0,
        owner.0,
    );
    Ok(database.execute(query).await? == 1)
}

/// Returns the invalid tokens among `tokens`: each does not exist or has expired, or its user is
/// disabled.
pub async fn ended(database: &Database, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, Error> {
    let hashes: Vec<&[u8]> = tokens.iter().map(TokenHash::as_bytes).collect();
    let query = sqlx::query!(
        r#"SELECT (SELECT disabled_at IS NULL FROM api_tokens JOIN users USING (user_id)
                   WHERE token_hash = given.hash AND expires_at > now()) AS "valid"
           FROM unnest($1::bytea[]) WITH ORDINALITY AS given (hash, ordinal) ORDER BY ordinal"#,
        &hashes as &[&[u8]],
    );
    let rows = database.all(query).await?;
    let ended = tokens.iter().zip(rows).filter(|(_, row)| row.valid != Some(true));
    Ok(ended.map(|(token, _)| token.clone()).collect())
}

/// Deletes expired tokens. Returns their number.
pub async fn sweep(database: &Database) -> Result<u64, Error> {
    database.execute(sqlx::query!("DELETE FROM api_tokens WHERE expires_at < now()")).await
}
