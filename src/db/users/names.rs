//! Which usernames exist, exactly or in another case.

use crate::{
    db::{error::Error, pool::Database},
    domain::Username,
};

/// Which existing name makes a new one taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// The same name.
    Exact,
    /// A name that differs at most by case.
    AnyCase,
}

/// Whether a user has this username.
pub async fn exists(database: &Database, username: &Username) -> Result<bool, Error> {
    let query = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM users WHERE username = $1) AS "exists!""#,
        username.as_str(),
    );
    Ok(database.one(query).await?.exists)
}

/// Whether a user has this username, or one that differs only by case.
pub async fn exists_in_any_case(database: &Database, username: &Username) -> Result<bool, Error> {
    Ok(oldest_in_any_case(database, username).await?.is_some())
}

/// The username of the oldest of the users whose names differ from this one at most by case.
pub async fn oldest_in_any_case(
    database: &Database,
    username: &Username,
) -> Result<Option<Username>, Error> {
    let query = sqlx::query!(
        r#"SELECT username FROM users
           WHERE lower(username COLLATE "default") COLLATE "C" = lower($1) COLLATE "C"
           ORDER BY created_at, user_id
           LIMIT 1"#,
        username.as_str(),
    );
    let row = database.optional(query).await?;
    Ok(row.map(|row| Username::from_stored(row.username)))
}
