//! The table `sessions`.

use std::time::Duration;

use super::{Database, Error, interval};
use crate::domain::{Account, PasswordHash, TokenHash, User, UserId, Username};

/// Begins a session of `account` that ends `lifetime` from now; `false` if the account's password has
/// changed since it was checked, or if the account has been disabled or deleted.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    database: &Database,
    account: &Account,
    token: &TokenHash,
    lifetime: Duration,
) -> Result<bool, Error> {
    let statement = sqlx::query!(
        "INSERT INTO sessions (token_hash, user_id, expires_at)
         SELECT $3, user_id, now() + $4::interval FROM users
         WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
         -- Waits for a change of the password that is under way, and makes a later one wait.
         FOR SHARE",
        account.user.id.0,
        account.password_hash.expose(),
        token.as_bytes(),
        interval(lifetime),
    )
    .execute(database.pool());
    let inserted = database.with_timeout(statement).await?;
    Ok(inserted.rows_affected() == 1)
}

/// Whose session this is; `None` if there is none, if it has ended, or if its user is disabled. Its
/// end moves to `lifetime` from now, but only once a twentieth of the lifetime has passed, so that most
/// requests write nothing.
///
/// # Errors
/// When the database fails.
pub async fn account(
    database: &Database,
    token: &TokenHash,
    lifetime: Duration,
) -> Result<Option<Account>, Error> {
    let statement = sqlx::query!(
        "WITH prolonged AS (
             UPDATE sessions SET expires_at = now() + $2::interval
             WHERE token_hash = $1 AND expires_at > now()
               AND expires_at < now() + $2::interval * 0.95)
         SELECT user_id, username, password_hash FROM sessions JOIN users USING (user_id)
         WHERE token_hash = $1 AND expires_at > now() AND disabled_at IS NULL",
        token.as_bytes(),
        interval(lifetime),
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(row.map(|row| Account {
        user: User { id: UserId(row.user_id), username: Username::from_stored(row.username) },
        password_hash: PasswordHash::new(row.password_hash),
    }))
}

/// Ends a session.
///
/// # Errors
/// When the database fails.
pub async fn delete(database: &Database, token: &TokenHash) -> Result<(), Error> {
    let statement = sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", token.as_bytes())
        .execute(database.pool());
    database.with_timeout(statement).await?;
    Ok(())
}

/// Ends all sessions of a user.
///
/// # Errors
/// When the database fails.
pub async fn delete_all(database: &Database, user: UserId) -> Result<(), Error> {
    let statement =
        sqlx::query!("DELETE FROM sessions WHERE user_id = $1", user.0).execute(database.pool());
    database.with_timeout(statement).await?;
    Ok(())
}

/// Which of these are no session that is good: there is none, it has ended, or its user is disabled.
///
/// # Errors
/// When the database fails.
pub async fn ended(database: &Database, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, Error> {
    let hashes: Vec<&[u8]> = tokens.iter().map(TokenHash::as_bytes).collect();
    let statement = sqlx::query_scalar!(
        r#"SELECT (SELECT disabled_at IS NULL FROM sessions JOIN users USING (user_id)
                   WHERE token_hash = given.hash AND expires_at > now()) AS "good"
           FROM unnest($1::bytea[]) WITH ORDINALITY AS given (hash, place) ORDER BY place"#,
        &hashes as &[&[u8]],
    )
    .fetch_all(database.pool());
    let good = database.with_timeout(statement).await?;
    let ended = tokens.iter().zip(good).filter(|(_, good)| *good != Some(true));
    Ok(ended.map(|(token, _)| token.clone()).collect())
}

/// Removes the rows of sessions that have ended. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(database: &Database) -> Result<u64, Error> {
    let statement =
        sqlx::query!("DELETE FROM sessions WHERE expires_at < now()").execute(database.pool());
    let swept = database.with_timeout(statement).await?;
    Ok(swept.rows_affected())
}
