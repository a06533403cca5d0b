//! The table `api_tokens`: bearer tokens.

use std::time::Duration;

use time::OffsetDateTime;

use super::{
    error::Error,
    parameters::{client_hashes, interval, one_more},
    pool::Database,
    users::AccountRow,
};
use crate::domain::{
    Account, ClientHash, KeyCursor, Page, TokenHash, TokenId, TokenName, TokenRecord, UserId,
};

struct TokenRow {
    token_id: i64,
    name: String,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl From<TokenRow> for TokenRecord {
    fn from(row: TokenRow) -> Self {
        Self {
            id: TokenId(row.token_id),
            name: TokenName::from_stored(row.name),
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// A token to insert.
#[derive(Debug, Clone)]
pub struct NewTokenRow<'a> {
    /// The hash of the secret.
    pub token: TokenHash,
    /// The owner's name for it.
    pub name: &'a TokenName,
    /// How long it is valid.
    pub lifetime: Duration,
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
    let query = sqlx::query_as!(
        TokenRow,
        "WITH account AS MATERIALIZED (
             SELECT user_id FROM users
             WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
             -- Waits for a concurrent change of the password, and makes a later one wait.
             FOR SHARE),
         seen AS (
             INSERT INTO known_clients AS known (user_id, client_hash)
             SELECT user_id, client_hash FROM account CROSS JOIN unnest($6::bytea[]) AS client_hash
             -- Most sign-ins write nothing.
             ON CONFLICT ON CONSTRAINT known_clients_pkey DO UPDATE SET last_sign_in = now()
             WHERE known.last_sign_in < now() - interval '1 day')
         INSERT INTO api_tokens (user_id, token_hash, name, expires_at)
         SELECT user_id, $3, $4, now() + $5::interval FROM account
         RETURNING token_id, name, created_at, expires_at",
        account.user.id.0,
        account.password_hash.expose(),
        new.token.as_bytes(),
        new.name.as_str(),
        interval(new.lifetime),
        &client_hashes(new.clients) as &[&[u8]],
    );
    Ok(database.optional(query).await?.map(TokenRecord::from))
}

/// Returns the account of a token; `None` if the token does not exist or has expired, or if the
/// account is disabled.
pub async fn account(database: &Database, token: &TokenHash) -> Result<Option<Account>, Error> {
    let query = sqlx::query_as!(
        AccountRow,
        "SELECT user_id, username, password_hash FROM api_tokens JOIN users USING (user_id)
         WHERE token_hash = $1 AND expires_at > now() AND disabled_at IS NULL",
        token.as_bytes(),
    );
    let row = database.optional(query).await?;
    Ok(row.map(|row| row.authenticated_by(token.clone())))
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
        "SELECT token_id, name, created_at, expires_at FROM api_tokens
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
