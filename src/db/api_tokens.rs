//! The table `api_tokens`.

use std::time::Duration;

use super::{Database, Error, interval, one_more};
use crate::domain::{
    Account, KeyCursor, Page, PasswordHash, TokenHash, TokenId, TokenName, TokenRecord, User,
    UserId, Username,
};

/// Adds a token of `account` that ends `lifetime` from now; `None` if the account's password has
/// changed since it was checked, or if the account has been disabled or deleted.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    database: &Database,
    account: &Account,
    token: &TokenHash,
    name: &TokenName,
    lifetime: Duration,
) -> Result<Option<TokenRecord>, Error> {
    let statement = sqlx::query!(
        "INSERT INTO api_tokens (user_id, token_hash, name, expires_at)
         SELECT user_id, $3, $4, now() + $5::interval FROM users
         WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
         -- As with sessions.
         FOR SHARE
         RETURNING token_id, name, created_at, expires_at",
        account.user.id.0,
        account.password_hash.expose(),
        token.as_bytes(),
        name.as_str(),
        interval(lifetime),
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(row.map(|row| TokenRecord {
        id: TokenId(row.token_id),
        name: TokenName::from_stored(row.name),
        created_at: row.created_at,
        expires_at: row.expires_at,
    }))
}

/// Whose token this is; `None` if there is none, if it has ended, or if its user is disabled.
///
/// # Errors
/// When the database fails.
pub async fn account(database: &Database, token: &TokenHash) -> Result<Option<Account>, Error> {
    let statement = sqlx::query!(
        "SELECT user_id, username, password_hash FROM api_tokens JOIN users USING (user_id)
         WHERE token_hash = $1 AND expires_at > now() AND disabled_at IS NULL",
        token.as_bytes(),
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(row.map(|row| Account {
        user: User { id: UserId(row.user_id), username: Username::from_stored(row.username) },
        password_hash: PasswordHash::new(row.password_hash),
    }))
}

/// The tokens of `owner` that have not ended, newest first, those made before `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    database: &Database,
    owner: UserId,
    before: Option<KeyCursor>,
    limit: u16,
) -> Result<Page<TokenRecord, KeyCursor>, Error> {
    let statement = sqlx::query!(
        "SELECT token_id, name, created_at, expires_at FROM api_tokens
         WHERE user_id = $1 AND expires_at > now()
           AND token_id < COALESCE($2::bigint, 9223372036854775807)
         ORDER BY token_id DESC
         LIMIT $3",
        owner.0,
        before.map(|cursor| cursor.0),
        one_more(limit),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter().map(|row| {
        let token = TokenRecord {
            id: TokenId(row.token_id),
            name: TokenName::from_stored(row.name),
            created_at: row.created_at,
            expires_at: row.expires_at,
        };
        (token, KeyCursor(row.token_id))
    });
    Ok(Page::of(rows, limit))
}

/// Removes a token of `owner`; `false` if `owner` has none of that number.
///
/// # Errors
/// When the database fails.
pub async fn delete(database: &Database, owner: UserId, token: TokenId) -> Result<bool, Error> {
    let statement = sqlx::query!(
        "DELETE FROM api_tokens WHERE token_id = $1 AND user_id = $2",
        token.0,
        owner.0,
    )
    .execute(database.pool());
    let deleted = database.with_timeout(statement).await?;
    Ok(deleted.rows_affected() == 1)
}

/// Which of these are no token that is good: there is none, it has ended, or its user is disabled.
///
/// # Errors
/// When the database fails.
pub async fn ended(database: &Database, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, Error> {
    let hashes: Vec<&[u8]> = tokens.iter().map(TokenHash::as_bytes).collect();
    let statement = sqlx::query_scalar!(
        r#"SELECT (SELECT disabled_at IS NULL FROM api_tokens JOIN users USING (user_id)
                   WHERE token_hash = given.hash AND expires_at > now()) AS "good"
           FROM unnest($1::bytea[]) WITH ORDINALITY AS given (hash, place) ORDER BY place"#,
        &hashes as &[&[u8]],
    )
    .fetch_all(database.pool());
    let good = database.with_timeout(statement).await?;
    let ended = tokens.iter().zip(good).filter(|(_, good)| *good != Some(true));
    Ok(ended.map(|(token, _)| token.clone()).collect())
}

/// Removes the rows of tokens that have ended. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(database: &Database) -> Result<u64, Error> {
    let statement =
        sqlx::query!("DELETE FROM api_tokens WHERE expires_at < now()").execute(database.pool());
    let swept = database.with_timeout(statement).await?;
    Ok(swept.rows_affected())
}
