//! Messages of an export.

use futures_util::{Stream, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{OffsetDateTime, serde::rfc3339};

use crate::db::error::Error;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRow {
    /// The id.
    pub id: i64,
    /// The id of the author.
    pub author_id: i64,
    /// The text.
    pub text: String,
    /// When it was published.
    #[serde(with = "rfc3339")]
    pub published_at: OffsetDateTime,
    /// When the text was last edited; null if never.
    #[serde(with = "rfc3339::option")]
    pub edited_at: Option<OffsetDateTime>,
    /// Whether a moderator hides it.
    pub flagged: bool,
    /// Whether it comes from another system.
    pub imported: bool,
    /// The id of the message that it replies to, which may be deleted; absent if it is no reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<i64>,
    /// The id of the author of that message, who may be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_author_id: Option<i64>,
}

/// Reads all messages by id.
pub fn read(connection: &mut PgConnection) -> impl Stream<Item = Result<MessageRow, Error>> {
    sqlx::query_as!(
        MessageRow,
        "SELECT message_id AS id, author_id, text, published_at, edited_at, flagged, imported,
                parent_id, parent_author_id
         FROM messages ORDER BY message_id"
    )
    .fetch(connection)
    .map_err(Error::from)
}

/// Inserts messages, all or none. Their authors exist.
pub async fn insert(connection: &mut PgConnection, rows: &[MessageRow]) -> Result<(), Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let authors: Vec<i64> = rows.iter().map(|row| row.author_id).collect();
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    let times: Vec<OffsetDateTime> = rows.iter().map(|row| row.published_at).collect();
    let edits: Vec<Option<OffsetDateTime>> = rows.iter().map(|row| row.edited_at).collect();
    let flagged: Vec<bool> = rows.iter().map(|row| row.flagged).collect();
    let imported: Vec<bool> = rows.iter().map(|row| row.imported).collect();
    let parents: Vec<Option<i64>> = rows.iter().map(|row| row.parent_id).collect();
    let addressees: Vec<Option<i64>> = rows.iter().map(|row| row.parent_author_id).collect();
    sqlx::query!(
        "INSERT INTO messages (message_id, author_id, text, published_at, edited_at, flagged, imported,
                               parent_id, parent_author_id)
         OVERRIDING SYSTEM VALUE
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[],
                              $6::boolean[], $7::boolean[], $8::bigint[], $9::bigint[])",
        &ids,
        &authors,
        &texts as &[&str],
        &times,
        &edits as &[Option<OffsetDateTime>],
        &flagged,
        &imported,
        &parents as &[Option<i64>],
        &addressees as &[Option<i64>],
    )
    .execute(connection)
    .await?;
    Ok(())
}
