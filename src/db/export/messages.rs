//! Messages of an export.

use futures_util::{Stream, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{OffsetDateTime, serde::rfc3339};

use crate::db::{bulk::copy, error::Error};

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

/// Inserts messages by COPY, all or none. Their authors exist.
pub async fn insert(connection: &mut PgConnection, rows: &[MessageRow]) -> Result<(), Error> {
    let columns = "message_id, author_id, text, published_at, edited_at, flagged, imported, parent_id, \
                   parent_author_id";
    let copied = copy(connection, ("messages", columns), rows, |text, row| {
        text.number(row.id).number(row.author_id).text(&row.text).time(row.published_at);
        text.optional_time(row.edited_at).flag(row.flagged).flag(row.imported);
        text.optional_number(row.parent_id).optional_number(row.parent_author_id).end();
    });
    Ok(copied.await?)
}
