//! The table `users`.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Database, Error, error::breaks_check, interval, one_more};
use crate::domain::{
    Account, Bio, Counts, DisplayName, Email, KeyCursor, NameCursor, Page, PasswordHash, Profile,
    ProfileView, SearchText, TokenHash, User, UserId, Username,
};

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
    let inserted = database.with_timeout(statement).await;
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
    database.with_timeout(statement).await
}

/// What a sign-in is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose they are.
    pub account: Account,
    /// Whether an operator keeps the user out.
    pub disabled: bool,
}

/// The credentials of the user of this name; `None` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn credentials(
    database: &Database,
    username: &Username,
) -> Result<Option<Credentials>, Error> {
    let statement = sqlx::query!(
        r#"SELECT user_id, username, password_hash, disabled_at IS NOT NULL AS "disabled!"
           FROM users WHERE username = $1"#,
        username.as_str(),
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(row.map(|row| {
        let user = User { id: UserId(row.user_id), username: Username::from_stored(row.username) };
        let password_hash = PasswordHash::new(row.password_hash);
        Credentials { account: Account { user, password_hash }, disabled: row.disabled }
    }))
}

/// Everybody, who signed up last first, those before `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    database: &Database,
    before: Option<KeyCursor>,
    limit: u16,
) -> Result<Page<Profile, KeyCursor>, Error> {
    let statement = sqlx::query!(
        "SELECT user_id, username, display_name, bio, created_at FROM users
         WHERE user_id < COALESCE($1::bigint, 9223372036854775807)
         ORDER BY user_id DESC
         LIMIT $2",
        before.map(|cursor| cursor.0),
        one_more(limit),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter().map(|row| {
        let profile = profile(row.username, row.display_name, row.bio, row.created_at);
        (profile, KeyCursor(row.user_id))
    });
    Ok(Page::of(rows, limit))
}

/// The profile of the user of this name as `viewer` sees it; `None` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn profile_view(
    database: &Database,
    username: &Username,
    viewer: Option<UserId>,
) -> Result<Option<ProfileView>, Error> {
    let statement = sqlx::query!(
        r#"SELECT username, display_name, bio, created_at,
                  CASE WHEN user_id = $2 THEN email END AS email,
                  EXISTS (SELECT FROM follows
                          WHERE follower_id = $2 AND followee_id = user_id) AS "followed!",
                  messages AS "messages!", followers AS "followers!", following AS "following!"
           FROM users, counts_of(user_id) WHERE username = $1"#,
        username.as_str(),
        viewer.map(|viewer| viewer.0),
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(row.map(|row| ProfileView {
        profile: profile(row.username, row.display_name, row.bio, row.created_at),
        counts: Counts {
            messages: row.messages,
            followers: row.followers,
            following: row.following,
        },
        followed: row.followed,
        email: row.email.map(Email::from_stored),
    }))
}

/// A profile as the columns of a row have it.
pub(super) fn profile(
    username: String,
    display_name: Option<String>,
    bio: Option<String>,
    created_at: OffsetDateTime,
) -> Profile {
    Profile {
        username: Username::from_stored(username),
        display_name: display_name.map(DisplayName::from_stored),
        bio: bio.map(Bio::from_stored),
        joined_at: created_at,
    }
}

/// What is written over an account. `None` leaves a column as it is; `Some(None)` empties it.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The address.
    pub email: Option<Email>,
    /// The hash of the new password.
    pub password_hash: Option<PasswordHash>,
    /// The display name.
    pub display_name: Option<Option<DisplayName>>,
    /// The bio.
    pub bio: Option<Option<Bio>>,
}

/// Changes an account; `false` if it is gone, or if its password is to change and no longer is the
/// one that was checked. With the password all the user's sessions and tokens end, by a trigger.
///
/// # Errors
/// When the database fails.
pub async fn update(database: &Database, account: &Account, to: &Update) -> Result<bool, Error> {
    let display_name = to.display_name.as_ref().map(Option::as_ref);
    let bio = to.bio.as_ref().map(Option::as_ref);
    let statement = sqlx::query!(
        "UPDATE users
         SET email = COALESCE($3, email), password_hash = COALESCE($4, password_hash),
             display_name = CASE WHEN $5 THEN $6 ELSE display_name END,
             bio = CASE WHEN $7 THEN $8 ELSE bio END
         WHERE user_id = $1 AND ($4::text IS NULL OR password_hash = $2)",
        account.user.id.0,
        account.password_hash.expose(),
        to.email.as_ref().map(Email::as_str),
        to.password_hash.as_ref().map(PasswordHash::expose),
        display_name.is_some(),
        display_name.flatten().map(DisplayName::as_str),
        bio.is_some(),
        bio.flatten().map(Bio::as_str),
    )
    .execute(database.pool());
    let updated = database.with_timeout(statement).await?;
    Ok(updated.rows_affected() == 1)
}

/// Replaces an account's password, with which all the user's sessions and tokens end, and begins a
/// session for whoever replaced it; `false` if the account is gone, or if its password no longer is
/// the one that was checked.
///
/// # Errors
/// When the database fails.
pub async fn replace_password(
    database: &Database,
    account: &Account,
    password_hash: &PasswordHash,
    (token, lifetime): (&TokenHash, Duration),
) -> Result<bool, Error> {
    let statement = sqlx::query!(
        "WITH updated AS (
             UPDATE users SET password_hash = $3
             WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
             RETURNING user_id)
         INSERT INTO sessions (token_hash, user_id, expires_at)
         SELECT $4, user_id, now() + $5::interval FROM updated",
        account.user.id.0,
        account.password_hash.expose(),
        password_hash.expose(),
        token.as_bytes(),
        interval(lifetime),
    )
    .execute(database.pool());
    let begun = database.with_timeout(statement).await?;
    Ok(begun.rows_affected() == 1)
}

/// What became of an account that is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone, and all that was the user's.
    Done,
    /// It is there, with more messages or follows than go at once.
    TooMuch,
    /// It was gone already, or its password no longer is the one that was checked.
    Refused,
}

/// Removes an account and all that is the user's, unless that is more than `most` messages, followers
/// or followees: others wait while a user's row goes, and all that refers to it.
///
/// # Errors
/// When the database fails.
pub async fn delete(database: &Database, account: &Account, most: u16) -> Result<Deletion, Error> {
    let statement = sqlx::query!(
        r#"WITH account AS MATERIALIZED (
               SELECT user_id,
                      GREATEST((SELECT count(*) FROM (SELECT FROM messages
                                    WHERE author_id = user_id LIMIT $3::bigint + 1) AS found),
                               (SELECT count(*) FROM (SELECT FROM follows
                                    WHERE follower_id = user_id LIMIT $3::bigint + 1) AS found),
                               (SELECT count(*) FROM (SELECT FROM follows
                                    WHERE followee_id = user_id LIMIT $3::bigint + 1) AS found)
                      ) <= $3::bigint AS is_small
               FROM users WHERE user_id = $1 AND password_hash = $2),
           deleted AS (
               DELETE FROM users USING account
               WHERE users.user_id = account.user_id AND is_small AND password_hash = $2
               RETURNING users.user_id)
           SELECT EXISTS (SELECT FROM account) AS "known!",
                  EXISTS (SELECT FROM deleted) AS "deleted!""#,
        account.user.id.0,
        account.password_hash.expose(),
        i64::from(most),
    )
    .fetch_one(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(match (row.known, row.deleted) {
        (_, true) => Deletion::Done,
        (true, false) => Deletion::TooMuch,
        (false, false) => Deletion::Refused,
    })
}

/// The users whose names begin with `text`, whatever the case, by name, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn search(
    database: &Database,
    text: &SearchText,
    after: Option<&NameCursor>,
    limit: u16,
) -> Result<Page<Profile, NameCursor>, Error> {
    // Compared by bytes, all that begins with a text stands between it and it with the last
    // character there is.
    let statement = sqlx::query!(
        r#"SELECT username, display_name, bio, created_at
           FROM users
           WHERE (lower(username COLLATE "default") COLLATE "C", username) >
                 (lower(COALESCE($2, $1::text)) COLLATE "C", COALESCE($2::text, ''))
             AND lower(username COLLATE "default") COLLATE "C" >= lower($1) COLLATE "C"
             AND lower(username COLLATE "default") COLLATE "C" <
                 (lower($1) || U&'\+10FFFF') COLLATE "C"
           ORDER BY lower(username COLLATE "default") COLLATE "C", username
           LIMIT $3"#,
        text.as_str(),
        after.map(NameCursor::as_str),
        one_more(limit),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter().map(|row| {
        let profile = profile(row.username, row.display_name, row.bio, row.created_at);
        let place = NameCursor::new(&profile.username);
        (profile, place)
    });
    Ok(Page::of(rows, limit))
}
