//! The table `users` as operators see it: with e-mail addresses, and with what keeps somebody out.

use time::OffsetDateTime;

use super::{Database, Error, one_more};
use crate::domain::{Counts, Email, NameCursor, Page, PasswordHash, Username};

/// A user as operators see one.
#[derive(Debug, Clone)]
pub struct ModeratedUser {
    /// The name.
    pub username: Username,
    /// The address.
    pub email: Email,
    /// When the user signed up.
    pub joined_at: OffsetDateTime,
    /// Since when an operator keeps the user out, if any does.
    pub disabled_at: Option<OffsetDateTime>,
}

/// The users whose names begin with `prefix`, whatever the case, by name, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    database: &Database,
    prefix: &str,
    after: Option<&NameCursor>,
    limit: u16,
) -> Result<Page<ModeratedUser, NameCursor>, Error> {
    let statement = sqlx::query!(
        r#"SELECT username, email, created_at, disabled_at
           FROM users
           WHERE (lower(username COLLATE "default") COLLATE "C", username) >
                 (lower(COALESCE($2, $1::text)) COLLATE "C", COALESCE($2::text, ''))
             AND lower(username COLLATE "default") COLLATE "C" >= lower($1) COLLATE "C"
             AND lower(username COLLATE "default") COLLATE "C" <
                 (lower($1) || U&'\+10FFFF') COLLATE "C"
           ORDER BY lower(username COLLATE "default") COLLATE "C", username
           LIMIT $3"#,
        prefix,
        after.map(NameCursor::as_str),
        one_more(limit),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter().map(|row| {
        let username = Username::from_stored(row.username);
        let place = NameCursor::new(&username);
        let user = ModeratedUser {
            username,
            email: Email::from_stored(row.email),
            joined_at: row.created_at,
            disabled_at: row.disabled_at,
        };
        (user, place)
    });
    Ok(Page::of(rows, limit))
}

/// The user of this name, with the user's counts; `None` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn user(
    database: &Database,
    username: &Username,
) -> Result<Option<(ModeratedUser, Counts)>, Error> {
    let statement = sqlx::query!(
        r#"SELECT username, email, created_at, disabled_at, messages AS "messages!",
                  followers AS "followers!", following AS "following!"
           FROM users, counts_of(user_id) WHERE username = $1"#,
        username.as_str(),
    )
    .fetch_optional(database.pool());
    Ok(database.with_timeout(statement).await?.map(|row| {
        let user = ModeratedUser {
            username: Username::from_stored(row.username),
            email: Email::from_stored(row.email),
            joined_at: row.created_at,
            disabled_at: row.disabled_at,
        };
        let counts =
            Counts { messages: row.messages, followers: row.followers, following: row.following };
        (user, counts)
    }))
}

/// Keeps a user out, and ends all the user's sessions and tokens; `false` if there is none of that
/// name.
///
/// # Errors
/// When the database fails.
pub async fn disable(database: &Database, username: &Username) -> Result<bool, Error> {
    let statement = sqlx::query_scalar!(
        r#"WITH disabled AS (
               UPDATE users SET disabled_at = COALESCE(disabled_at, now()) WHERE username = $1
               RETURNING user_id),
           signed_out AS (
               DELETE FROM sessions USING disabled WHERE sessions.user_id = disabled.user_id),
           revoked AS (
               DELETE FROM api_tokens USING disabled WHERE api_tokens.user_id = disabled.user_id)
           SELECT EXISTS (SELECT FROM disabled) AS "known!""#,
        username.as_str(),
    )
    .fetch_one(database.pool());
    database.with_timeout(statement).await
}

/// Lets a user in again; `false` if there is none of that name.
///
/// # Errors
/// When the database fails.
pub async fn enable(database: &Database, username: &Username) -> Result<bool, Error> {
    let statement =
        sqlx::query!("UPDATE users SET disabled_at = NULL WHERE username = $1", username.as_str(),)
            .execute(database.pool());
    Ok(database.with_timeout(statement).await?.rows_affected() == 1)
}

/// Gives a user another password, and ends all the user's sessions and tokens; `false` if there is
/// none of that name.
///
/// # Errors
/// When the database fails.
pub async fn set_password(
    database: &Database,
    username: &Username,
    password_hash: &PasswordHash,
) -> Result<bool, Error> {
    let statement = sqlx::query_scalar!(
        r#"WITH changed AS (
               UPDATE users SET password_hash = $2 WHERE username = $1 RETURNING user_id),
           signed_out AS (
               DELETE FROM sessions USING changed WHERE sessions.user_id = changed.user_id),
           revoked AS (
               DELETE FROM api_tokens USING changed WHERE api_tokens.user_id = changed.user_id)
           SELECT EXISTS (SELECT FROM changed) AS "known!""#,
        username.as_str(),
        password_hash.expose(),
    )
    .fetch_one(database.pool());
    database.with_timeout(statement).await
}
