//! Users of an import, and the table `imported_users`.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{ImportId, passwords};
use crate::{
    db::{bulk::copy, error::Error},
    domain::{PasswordHash, UserId, Username},
};

/// A user to insert.
#[derive(Debug)]
pub struct NewUser {
    /// The old id.
    pub old_id: String,
    /// The name.
    pub username: Username,
    /// The e-mail address.
    pub email: String,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// When the user joined.
    pub created_at: OffsetDateTime,
}

/// Reserves the ids of `count` new users.
pub async fn reserve(connection: &mut PgConnection, count: usize) -> Result<Vec<UserId>, Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT nextval(pg_get_serial_sequence('users', 'user_id')) AS "id!"
           FROM generate_series(1, $1::bigint)"#,
        count as i64,
    );
    Ok(query.fetch_all(connection).await?.into_iter().map(UserId).collect())
}

/// Why a name cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// A user has it.
    Taken,
    /// PostgreSQL considers it not normalized, because its Unicode version differs from this program's.
    NotNormalized,
}

/// Returns the names among these that cannot be given.
pub async fn unusable(
    connection: &mut PgConnection,
    names: &[&str],
) -> Result<HashMap<String, Unusable>, Error> {
    let query = sqlx::query!(
        r#"SELECT name AS "name!", name IS NFC NORMALIZED AS "normalized!"
           FROM unnest($1::text[]) AS name
           LEFT JOIN LATERAL (
               SELECT user_id FROM users WHERE username = name COLLATE "C" LIMIT 1) AS taken ON true
           WHERE user_id IS NOT NULL OR name IS NOT NFC NORMALIZED"#,
        names as &[&str],
    );
    let rows = query.fetch_all(connection).await?;
    let reason = |normalized| if normalized { Unusable::Taken } else { Unusable::NotNormalized };
    Ok(rows.into_iter().map(|row| (row.name, reason(row.normalized))).collect())
}

/// A user of an earlier import.
#[derive(Debug)]
pub struct ImportedUser {
    /// The id.
    pub id: UserId,
    /// The name; `None` if the user was deleted.
    pub name: Option<String>,
}

/// Returns the users that this import or an earlier one of the same source inserted, by old id.
pub async fn imported(
    connection: &mut PgConnection,
    import: ImportId,
) -> Result<HashMap<String, ImportedUser>, Error> {
    let query = sqlx::query!(
        r#"SELECT old_id AS "old_id!", user_id AS "user_id!", username AS "username?"
           FROM imported_users LEFT JOIN users USING (user_id)
           WHERE source_id = $1"#,
        import.0,
    );
    let rows = query.fetch_all(connection).await?;
    let user = |id, name| ImportedUser { id: UserId(id), name };
    Ok(rows.into_iter().map(|row| (row.old_id, user(row.user_id, row.username))).collect())
}

/// Returns the users among these that exist.
pub async fn existing(
    connection: &mut PgConnection,
    users: &[UserId],
) -> Result<HashSet<UserId>, Error> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    let query = sqlx::query_scalar!("SELECT user_id FROM users WHERE user_id = ANY ($1)", &ids);
    Ok(query.fetch_all(connection).await?.into_iter().map(UserId).collect())
}

/// The failure of an insertion of users.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// A user with one of the names exists since the last look.
    #[error("a name was taken in the meantime")]
    NameTaken,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Inserts users with reserved ids, and their old ids.
pub async fn insert(
    connection: &mut PgConnection,
    import: ImportId,
    users: &[(UserId, NewUser)],
) -> Result<(), InsertError> {
    let table =
        ("users", "user_id, username, email, password_scheme, password_hash, created_at, imported");
    let copied = copy(connection, table, users, |row, (id, user)| {
        row.number(id.0).text(user.username.as_str()).text(&user.email);
        row.text(user.password_hash.scheme()).text(user.password_hash.expose());
        row.time(user.created_at).flag(true).end();
    });
    match copied.await.map_err(Error::from) {
        Err(error) if error.violates_unique("users_username_key") => {
            return Err(InsertError::NameTaken);
        }
        result => result?,
    }
    let table = ("imported_users", "source_id, old_id, user_id");
    let copied = copy(connection, table, users, |row, (id, user)| {
        row.number(import.0.into()).text(&user.old_id).number(id.0).end();
    });
    copied.await.map_err(Error::from)?;
    let old_ids: Vec<&str> = users.iter().map(|(_, user)| user.old_id.as_str()).collect();
    Ok(passwords::forget(connection, import, &old_ids).await?)
}
