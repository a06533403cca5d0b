//! The table `users` for operators: e-mail addresses, disabled accounts, new passwords.

use time::OffsetDateTime;

use crate::{
    db::{error::Error, parameters::one_more, pool::Database},
    domain::{Counts, Email, ModeratedUser, NameCursor, Page, PasswordHash, Username},
};

/// Lists the users whose usernames begin with `prefix` in any case, by username, after the cursor
/// `after`.
pub async fn list(
    database: &Database,
    prefix: &str,
    after: Option<&NameCursor>,
    limit: u16,
) -> Result<Page<ModeratedUser, NameCursor>, Error> {
    // As `users::search`, with other columns.
    let query = sqlx::query_as!(
        UserRow,
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
    );
    let rows = database.all(query).await?.into_iter().map(|row| {
        let user = ModeratedUser::from(row);
        let cursor = NameCursor::new(&user.username);
        (user, cursor)
    });
    Ok(Page::of(rows, limit))
}

/// Returns the user with this username and the user's counts, if there is one.
pub async fn user(
    database: &Database,
    username: &Username,
) -> Result<Option<(ModeratedUser, Counts)>, Error> {
    let query = sqlx::query!(
        r#"SELECT username, email, created_at, disabled_at, messages AS "messages!",
                  followers AS "followers!", following AS "following!"
           FROM users, counts_of(user_id) WHERE username = $1"#,
        username.as_str(),
    );
    Ok(database.optional(query).await?.map(|row| {
        let user = UserRow {
            username: row.username,
            email: row.email,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        };
        let counts =
            Counts { messages: row.messages, followers: row.followers, following: row.following };
        (user.into(), counts)
    }))
}

struct UserRow {
    username: String,
    email: String,
    created_at: OffsetDateTime,
    disabled_at: Option<OffsetDateTime>,
}

impl From<UserRow> for ModeratedUser {
    fn from(row: UserRow) -> Self {
        Self {
            username: Username::from_stored(row.username),
            email: Email::from_stored(row.email),
            joined_at: row.created_at,
            disabled_at: row.disabled_at,
        }
    }
}

/// Disables an account. Returns `false` if no user has this username.
///
/// The trigger `credentials_ended` deletes all sessions and tokens of the user.
pub async fn disable(database: &Database, username: &Username) -> Result<bool, Error> {
    let query = sqlx::query!(
        "UPDATE users SET disabled_at = COALESCE(disabled_at, now()) WHERE username = $1",
        username.as_str(),
    );
    Ok(database.execute(query).await? == 1)
}

/// Enables an account. Returns `false` if no user has this username.
pub async fn enable(database: &Database, username: &Username) -> Result<bool, Error> {
    let query =
        sqlx::query!("UPDATE users SET disabled_at = NULL WHERE username = $1", username.as_str());
    Ok(database.execute(query).await? == 1)
}

/// Sets a user's password. Returns `false` if no user has this username.
///
/// The trigger `credentials_ended` deletes all sessions and tokens of the user.
pub async fn set_password(
    database: &Database,
    username: &Username,
    password_hash: &PasswordHash,
) -> Result<bool, Error> {
    let query = sqlx::query!(
        "UPDATE users SET password_hash = $2, password_scheme = $3 WHERE username = $1",
        username.as_str(),
        password_hash.expose(),
        password_hash.scheme(),
    );
    Ok(database.execute(query).await? == 1)
}
