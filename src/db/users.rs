//! The table `users`.

use super::{Database, Error, error::breaks_check};
use crate::domain::{Email, PasswordHash, User, UserId, Username};

/// What became of a new user's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// The row is there, committed.
    Inserted,
    /// Another user has that name.
    UsernameTaken,
    /// PostgreSQL's Unicode tables find the name not normalized where ours, of another version, do.
    NotNormalized,
}

/// Adds a user, unless the name is taken: of two who race for one name, one wins.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    database: &Database,
    username: &Username,
    email: &Email,
    password_hash: &PasswordHash,
) -> Result<Insertion, Error> {
    let statement = sqlx::query!(
        "INSERT INTO users (username, email, password_hash) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT users_username_key DO NOTHING",
        username.as_str(),
        email.as_str(),
        password_hash.expose(),
    )
    .execute(database.pool());
    let inserted = database.patiently(statement).await;
    match inserted {
        Ok(done) if done.rows_affected() == 1 => Ok(Insertion::Inserted),
        Ok(_) => Ok(Insertion::UsernameTaken),
        Err(Error::Failed(error)) if breaks_check(&error, "users_username_normalized") => {
            Ok(Insertion::NotNormalized)
        }
        Err(error) => Err(error),
    }
}

/// Whether a user of this name exists.
///
/// # Errors
/// When the database fails.
pub async fn exists(database: &Database, username: &Username) -> Result<bool, Error> {
    let statement = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE username = $1) AS "exists!""#,
        username.as_str(),
    )
    .fetch_one(database.pool());
    database.patiently(statement).await
}

/// The user of this name and the hash of the user's password; `None` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn credentials(
    database: &Database,
    username: &Username,
) -> Result<Option<(User, PasswordHash)>, Error> {
    let statement = sqlx::query!(
        "SELECT user_id, username, password_hash FROM users WHERE username = $1",
        username.as_str(),
    )
    .fetch_optional(database.pool());
    let row = database.patiently(statement).await?;
    Ok(row.map(|row| {
        let user = User { id: UserId(row.user_id), username: Username::from_stored(row.username) };
        (user, PasswordHash::new(row.password_hash))
    }))
}
