//! The table `sessions`.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;

use super::{Database, Error};
use crate::domain::{TokenHash, User, UserId, Username};

/// Begins a session of `user` that ends `lifetime` from now.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    database: &Database,
    token: &TokenHash,
    user: UserId,
    lifetime: Duration,
) -> Result<(), Error> {
    let statement = sqlx::query!(
        "INSERT INTO sessions (token_hash, user_id, expires_at) VALUES ($1, $2, now() + $3::interval)",
        token.as_bytes(),
        user.0,
        interval(lifetime),
    )
    .execute(database.pool());
    database.patiently(statement).await?;
    Ok(())
}

/// Whose session this is; `None` if there is none or it has ended. Its end moves to `lifetime` from
/// now, but only once a twentieth of the lifetime has passed, so that most requests write nothing.
///
/// # Errors
/// When the database fails.
pub async fn user(
    database: &Database,
    token: &TokenHash,
    lifetime: Duration,
) -> Result<Option<User>, Error> {
    let statement = sqlx::query!(
        "WITH prolonged AS (
             UPDATE sessions SET expires_at = now() + $2::interval
             WHERE token_hash = $1 AND expires_at > now()
               AND expires_at < now() + $2::interval * 0.95)
         SELECT user_id, username FROM sessions JOIN users USING (user_id)
         WHERE token_hash = $1 AND expires_at > now()",
        token.as_bytes(),
        interval(lifetime),
    )
    .fetch_optional(database.pool());
    let row = database.patiently(statement).await?;
    Ok(row
        .map(|row| User { id: UserId(row.user_id), username: Username::from_stored(row.username) }))
}

/// Ends a session.
///
/// # Errors
/// When the database fails.
pub async fn delete(database: &Database, token: &TokenHash) -> Result<(), Error> {
    let statement = sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", token.as_bytes())
        .execute(database.pool());
    database.patiently(statement).await?;
    Ok(())
}

/// Removes the rows of sessions that have ended. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(database: &Database) -> Result<u64, Error> {
    let statement =
        sqlx::query!("DELETE FROM sessions WHERE expires_at < now()").execute(database.pool());
    let swept = database.patiently(statement).await?;
    Ok(swept.rows_affected())
}

fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}
