//! Users of an export.

use futures_util::{Stream, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{OffsetDateTime, serde::rfc3339};

use crate::db::error::Error;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRow {
    /// The id.
    pub id: i64,
    /// The name.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// When the user registered.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// The display name, if any.
    pub display_name: Option<String>,
    /// The bio, if any.
    pub bio: Option<String>,
    /// When an operator disabled the user; null if the user may sign in.
    #[serde(with = "rfc3339::option")]
    pub disabled_at: Option<OffsetDateTime>,
    /// Whether the user comes from another system.
    pub imported: bool,
    /// How the password hash was made. Absent in an export without hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_scheme: Option<String>,
    /// The password hash. Absent in an export without hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
}

/// Reads all users by id, with their password hashes if `with_hashes`.
pub fn read(
    connection: &mut PgConnection,
    with_hashes: bool,
) -> impl Stream<Item = Result<UserRow, Error>> {
    sqlx::query_as!(
        UserRow,
        r#"SELECT user_id AS id, username, email, created_at, display_name, bio, disabled_at, imported,
                  CASE WHEN $1 THEN password_scheme END AS password_scheme,
                  CASE WHEN $1 THEN password_hash END AS password_hash
           FROM users ORDER BY user_id"#,
        with_hashes,
    )
    .fetch(connection)
    .map_err(Error::from)
}

/// Inserts users, all or none. Each row has a hash and its scheme.
pub async fn insert(connection: &mut PgConnection, rows: &[UserRow]) -> Result<(), Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let usernames: Vec<&str> = rows.iter().map(|row| row.username.as_str()).collect();
    let emails: Vec<&str> = rows.iter().map(|row| row.email.as_str()).collect();
    let times: Vec<OffsetDateTime> = rows.iter().map(|row| row.created_at).collect();
    let names: Vec<Option<&str>> = rows.iter().map(|row| row.display_name.as_deref()).collect();
    let bios: Vec<Option<&str>> = rows.iter().map(|row| row.bio.as_deref()).collect();
    let disabled: Vec<Option<OffsetDateTime>> = rows.iter().map(|row| row.disabled_at).collect();
    let imported: Vec<bool> = rows.iter().map(|row| row.imported).collect();
    let schemes: Vec<Option<&str>> =
        rows.iter().map(|row| row.password_scheme.as_deref()).collect();
    let hashes: Vec<Option<&str>> = rows.iter().map(|row| row.password_hash.as_deref()).collect();
    sqlx::query!(
        "INSERT INTO users (user_id, username, email, created_at, display_name, bio, disabled_at, imported,
                            password_scheme, password_hash)
         OVERRIDING SYSTEM VALUE
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[],
                              $7::timestamptz[], $8::boolean[], $9::text[], $10::text[])",
        &ids,
        &usernames as &[&str],
        &emails as &[&str],
        &times,
        &names as &[Option<&str>],
        &bios as &[Option<&str>],
        &disabled as &[Option<OffsetDateTime>],
        &imported,
        &schemes as &[Option<&str>],
        &hashes as &[Option<&str>],
    )
    .execute(connection)
    .await?;
    Ok(())
}
