//! The table `users`: accounts, sign-in and profiles.

pub mod moderation;
pub mod names;
pub mod suggestions;

use names::NameRule;
use time::OffsetDateTime;

use super::{
    error::Error,
    parameters::{NewSession, client_hashes, interval, one_more},
    pool::Database,
};
use crate::domain::{
    Account, Bio, ClientHash, Counts, DisplayName, Email, KeyCursor, NameCursor, Page,
    PasswordHash, Profile, ProfileView, SearchText, TokenHash, User, UserId, Username,
};

/// The result of inserting a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// The row is committed.
    Inserted,
    /// Another user has the username.
    UsernameTaken,
    /// PostgreSQL considers the username not normalized, because its Unicode version differs from
    /// this program's.
    NotNormalized,
}

/// Inserts a user, unless the username is taken.
///
/// A unique index decides between concurrent inserts under [`NameRule::AnyCase`].
pub async fn insert(
    database: &Database,
    username: &Username,
    email: &Email,
    password_hash: &PasswordHash,
    rule: NameRule,
) -> Result<Insertion, Error> {
    let query = sqlx::query!(
        r#"INSERT INTO users (username, email, password_hash, password_scheme, distinct_name)
           SELECT $1, $2, $3, $4, $5
           WHERE NOT ($5 AND EXISTS (
               SELECT FROM users
               WHERE lower(username COLLATE "default") COLLATE "C" = lower($1) COLLATE "C"))
           ON CONFLICT DO NOTHING"#,
        username.as_str(),
        email.as_str(),
        password_hash.expose(),
        password_hash.scheme(),
        rule == NameRule::AnyCase,
    );
    match database.execute(query).await {
        Ok(1) => Ok(Insertion::Inserted),
        Ok(_) => Ok(Insertion::UsernameTaken),
        Err(error) if error.violates_check("users_username_normalized") => {
            Ok(Insertion::NotNormalized)
        }
        Err(error) => Err(error),
    }
}

pub(super) struct AccountRow {
    pub(super) user_id: i64,
    pub(super) username: String,
    pub(super) password_scheme: String,
    pub(super) password_hash: String,
}

impl AccountRow {
    /// The account of a request that this session or token authenticates.
    pub(super) fn authenticated_by(self, credential: TokenHash) -> Result<Account, Error> {
        Ok(Account { credential: Some(credential), ..self.try_into()? })
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = Error;

    fn try_from(row: AccountRow) -> Result<Self, Error> {
        let AccountRow { user_id, username, password_scheme, password_hash } = row;
        let user = User { id: UserId(user_id), username: Username::from_stored(username) };
        // The constraints of the table permit only hashes that this program verifies.
        let password_hash = PasswordHash::from_stored(&password_scheme, &password_hash)
            .map_err(|error| Error::from(sqlx::Error::Decode(error.into())))?;
        Ok(Self { user, password_hash, credential: None })
    }
}

/// The data against which a sign-in is checked.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account of the username.
    pub account: Account,
    /// Whether an operator disabled the account.
    pub disabled: bool,
    /// Whether the account has signed in from the client before.
    pub known: bool,
}

/// Returns the credentials of the user with this username, if there is one, for a client that is
/// recognized by any of `clients`.
pub async fn credentials(
    database: &Database,
    username: &Username,
    clients: &[ClientHash],
) -> Result<Option<Credentials>, Error> {
    let query = sqlx::query!(
        r#"SELECT user_id, username, password_scheme, password_hash,
                  disabled_at IS NOT NULL AS "disabled!",
                  EXISTS (SELECT FROM known_clients
                          WHERE known_clients.user_id = users.user_id
                            AND client_hash = ANY ($2)) AS "known!"
           FROM users WHERE username = $1"#,
        username.as_str(),
        &client_hashes(clients) as &[&[u8]],
    );
    let Some(row) = database.optional(query).await? else { return Ok(None) };
    let account = AccountRow {
        user_id: row.user_id,
        username: row.username,
        password_scheme: row.password_scheme,
        password_hash: row.password_hash,
    };
    let account = account.try_into()?;
    Ok(Some(Credentials { account, disabled: row.disabled, known: row.known }))
}

/// Lists all users after the cursor `before`, newest first.
pub async fn list(
    database: &Database,
    before: Option<KeyCursor>,
    limit: u16,
) -> Result<Page<Profile, KeyCursor>, Error> {
    let query = sqlx::query!(
        "SELECT user_id, username, display_name, bio, created_at FROM users
         WHERE user_id < COALESCE($1::bigint, 9223372036854775807)
         ORDER BY user_id DESC
         LIMIT $2",
        before.map(|cursor| cursor.0),
        one_more(limit),
    );
    let rows = database.all(query).await?.into_iter().map(|row| {
        let profile = profile(row.username, row.display_name, row.bio, row.created_at);
        (profile, KeyCursor(row.user_id))
    });
    Ok(Page::of(rows, limit))
}

/// Returns the profile of the user with this username as `viewer` sees it, if there is one.
pub async fn profile_view(
    database: &Database,
    username: &Username,
    viewer: Option<UserId>,
) -> Result<Option<ProfileView>, Error> {
    let query = sqlx::query!(
        r#"SELECT username, display_name, bio, created_at,
                  CASE WHEN user_id = $2 THEN email END AS email,
                  EXISTS (SELECT FROM follows
                          WHERE follower_id = $2 AND followee_id = user_id) AS "followed!",
                  messages AS "messages!", followers AS "followers!", following AS "following!"
           FROM users, counts_of(user_id) WHERE username = $1"#,
        username.as_str(),
        viewer.map(|viewer| viewer.0),
    );
    Ok(database.optional(query).await?.map(|row| ProfileView {
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

/// A change of an account. `None` keeps a column; `Some(None)` sets it to `NULL`.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The new e-mail address.
    pub email: Option<Email>,
    /// The hash of the new password.
    pub password_hash: Option<PasswordHash>,
    /// The new display name.
    pub display_name: Option<Option<DisplayName>>,
    /// The new bio.
    pub bio: Option<Option<Bio>>,
}

/// Updates an account.
///
/// Returns `false` if the account no longer exists, or if `update` has a password and the current
/// one differs from that of `account`. The trigger `credentials_ended` deletes all sessions and
/// tokens of a user whose password changes.
pub async fn update(
    database: &Database,
    account: &Account,
    update: &Update,
) -> Result<bool, Error> {
    let display_name = update.display_name.as_ref().map(Option::as_ref);
    let bio = update.bio.as_ref().map(Option::as_ref);
    let query = sqlx::query!(
        "UPDATE users
         SET email = COALESCE($3, email), password_hash = COALESCE($4, password_hash),
             password_scheme = COALESCE($9, password_scheme),
             display_name = CASE WHEN $5 THEN $6 ELSE display_name END,
             bio = CASE WHEN NOT $7 OR with_line_feeds(bio) = with_line_feeds($8) THEN bio
                        ELSE $8 END
         WHERE user_id = $1 AND ($4::text IS NULL OR password_hash = $2)",
        account.user.id.0,
        account.password_hash.expose(),
        update.email.as_ref().map(Email::as_str),
        update.password_hash.as_ref().map(PasswordHash::expose),
        display_name.is_some(),
        display_name.flatten().map(DisplayName::as_str),
        bio.is_some(),
        bio.flatten().map(Bio::as_str),
        update.password_hash.as_ref().map(PasswordHash::scheme),
    );
    Ok(database.execute(query).await? == 1)
}

/// Replaces the hash of an account's password by another hash of the same password. Sessions and
/// tokens stay valid.
///
/// Returns `false` if the hash differs from that of `account`, or if the account no longer exists.
pub async fn renew_hash(
    database: &Database,
    account: &Account,
    password_hash: &PasswordHash,
) -> Result<bool, Error> {
    let query = sqlx::query!(
        "UPDATE users SET password_hash = $3, password_scheme = $4, password_renewed_at = now()
         WHERE user_id = $1 AND password_hash = $2",
        account.user.id.0,
        account.password_hash.expose(),
        password_hash.expose(),
        password_hash.scheme(),
    );
    Ok(database.execute(query).await? == 1)
}

/// Replaces an account's password and inserts a session, and its client as known.
///
/// Returns `false` if the password differs from that of `account`, or if the account is disabled or
/// no longer exists. The trigger `users_revoke_sessions_and_tokens` deletes all sessions, tokens and
/// known clients but the new ones.
pub async fn replace_password(
    database: &Database,
    account: &Account,
    password_hash: &PasswordHash,
    session: &NewSession,
) -> Result<bool, Error> {
    let query = sqlx::query!(
        "WITH updated AS (
             UPDATE users SET password_hash = $3, password_scheme = $7
             WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
             RETURNING user_id),
         seen AS (
             INSERT INTO known_clients (user_id, client_hash)
             SELECT user_id, client_hash FROM updated CROSS JOIN unnest($6::bytea[]) AS client_hash
             -- The trigger keeps only rows of this transaction.
             ON CONFLICT ON CONSTRAINT known_clients_pkey DO UPDATE SET last_sign_in = now())
         INSERT INTO sessions (token_hash, user_id, expires_at)
         SELECT $4, user_id, now() + $5::interval FROM updated",
        account.user.id.0,
        account.password_hash.expose(),
        password_hash.expose(),
        session.token.as_bytes(),
        interval(session.lifetime),
        &client_hashes(&session.clients) as &[&[u8]],
        password_hash.scheme(),
    );
    Ok(database.execute(query).await? == 1)
}

/// The result of deleting an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The account and all rows that reference it are deleted.
    Done,
    /// Nothing is deleted: more rows reference the account than one statement deletes.
    TooMuch,
    /// Nothing is deleted: the account no longer exists, or its password has changed.
    Rejected,
}

/// Deletes an account and all rows that reference it, unless these are more than `max_rows`
/// messages, followers or followees.
///
/// The limit bounds how long other writers wait for the lock on the user's row.
pub async fn delete(
    database: &Database,
    account: &Account,
    max_rows: u16,
) -> Result<Deletion, Error> {
    let query = sqlx::query!(
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
        i64::from(max_rows),
    );
    let row = database.one(query).await?;
    Ok(match (row.known, row.deleted) {
        (_, true) => Deletion::Done,
        (true, false) => Deletion::TooMuch,
        (false, false) => Deletion::Rejected,
    })
}

/// Lists the users whose usernames begin with `text` in any case, by username, after the cursor
/// `after`.
pub async fn search(
    database: &Database,
    text: &SearchText,
    after: Option<&NameCursor>,
    limit: u16,
) -> Result<Page<Profile, NameCursor>, Error> {
    // In collation "C", texts that begin with a prefix sort between the prefix and the prefix
    // followed by U+10FFFF, the last character.
    let query = sqlx::query!(
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
    );
    let rows = database.all(query).await?.into_iter().map(|row| {
        let profile = profile(row.username, row.display_name, row.bio, row.created_at);
        let cursor = NameCursor::new(&profile.username);
        (profile, cursor)
    });
    Ok(Page::of(rows, limit))
}
