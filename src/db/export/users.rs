//! Users of an export.

use futures_util::{Stream, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{OffsetDateTime, serde::rfc3339};

use crate::db::{bulk::copy, error::Error};

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

/// Inserts users by COPY, all or none. Each row has a hash and its scheme.
pub async fn insert(connection: &mut PgConnection, rows: &[UserRow]) -> Result<(), Error> {
    let columns = "user_id, username, email, created_at, display_name, bio, disabled_at, imported, \
                   password_scheme, password_hash";
    let copied = copy(connection, ("users", columns), rows, |text, row| {
        text.number(row.id).text(&row.username).text(&row.email).time(row.created_at);
        text.optional_text(row.display_name.as_deref()).optional_text(row.bio.as_deref());
        text.optional_time(row.disabled_at).flag(row.imported);
        text.optional_text(row.password_scheme.as_deref());
        text.optional_text(row.password_hash.as_deref()).end();
    });
    Ok(copied.await?)
}
