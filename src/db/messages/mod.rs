//! The table `messages`, one message at a time.
//!
//! Only operators' functions and the deletion of an account find flagged messages. An edit or a
//! deletion is one statement, which also returns why it changed nothing.

pub mod live;
pub mod posting;
pub mod search;
pub mod thread;
pub mod timelines;

use time::OffsetDateTime;

use super::{error::Error, pool::Database};
use crate::domain::{
    Cursor, Message, MessageText, ModeratedMessage, Page, ReplyTo, UserId, Username,
};

/// The foreign key that a message violates when its author no longer exists.
pub(super) const AUTHOR_KEY: &str = "messages_author_id_fkey";

pub(super) struct MessageRow {
    pub(super) message_id: i64,
    pub(super) author: String,
    pub(super) text: String,
    pub(super) published_at: OffsetDateTime,
    pub(super) edited_at: Option<OffsetDateTime>,
    pub(super) parent_id: Option<i64>,
    /// `None` also if the parent's author is deleted.
    pub(super) parent_author: Option<String>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.message_id,
            author: Username::from_stored(row.author),
            text: row.text,
            published_at: row.published_at,
            edited_at: row.edited_at,
            in_reply_to: reply_to(row.parent_id, row.parent_author),
        }
    }
}

/// The message that a reply answers, from its columns.
pub(super) fn reply_to(parent_id: Option<i64>, parent_author: Option<String>) -> Option<ReplyTo> {
    Some(ReplyTo { id: parent_id?, author: parent_author.map(Username::from_stored) })
}

/// A row of a list. Lists skip a row without an author: one that the list does not show, or an orphan.
/// Foreign keys forbid orphans, but a restore without triggers can leave one.
pub(super) struct ListedRow {
    pub(super) message_id: i64,
    pub(super) author: Option<String>,
    pub(super) text: String,
    pub(super) published_at: OffsetDateTime,
    pub(super) edited_at: Option<OffsetDateTime>,
    pub(super) parent_id: Option<i64>,
    pub(super) parent_author: Option<String>,
}

impl ListedRow {
    fn cursor(&self) -> Cursor {
        Cursor::new(self.published_at, self.message_id)
    }

    fn message(self) -> Option<Message> {
        let Self { message_id, author, text, published_at, edited_at, parent_id, parent_author } =
            self;
        let author = author?;
        let row = MessageRow {
            message_id,
            author,
            text,
            published_at,
            edited_at,
            parent_id,
            parent_author,
        };
        Some(row.into())
    }
}

/// Creates a page. Skipped rows make it shorter, but do not end the list.
fn page(rows: impl IntoIterator<Item = ListedRow>, limit: u16) -> Page<Message> {
    let rows = rows.into_iter().map(|row| {
        let cursor = row.cursor();
        (row.message(), cursor)
    });
    let Page { items, next } = Page::of(rows, limit);
    Page { items: items.into_iter().flatten().collect(), next }
}

/// The result of an edit or a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed<T> {
    /// The message was changed.
    Done(T),
    /// Another user wrote the message.
    NotYours,
    /// The message does not exist.
    Unknown,
}

impl<T> Changed<T> {
    /// `own`: whether the user wrote the message; `None` if it did not exist when the statement
    /// began. `done`: `None` if the statement changed nothing, as after a concurrent deletion.
    fn new(own: Option<bool>, done: Option<T>) -> Self {
        match (own, done) {
            (_, Some(done)) => Self::Done(done),
            (Some(false), None) => Self::NotYours,
            (Some(true) | None, None) => Self::Unknown,
        }
    }
}

/// Returns the message with this id, if there is one.
pub async fn by_id(database: &Database, id: i64) -> Result<Option<Message>, Error> {
    let query = sqlx::query_as!(
        MessageRow,
        "SELECT message_id, text, published_at, edited_at, username AS author, parent_id,
                (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
         FROM messages JOIN users ON user_id = author_id
         WHERE message_id = $1 AND NOT flagged",
        id,
    );
    Ok(database.optional(query).await?.map(Message::from))
}

/// Replaces the text of a message of `author`. The same text changes nothing, also if only its line
/// breaks are of another kind: browsers send each as CR LF.
pub async fn edit(
    database: &Database,
    author: UserId,
    id: i64,
    text: &MessageText,
) -> Result<Changed<Message>, Error> {
    let query = sqlx::query!(
        r#"WITH existing AS (
               SELECT message_id, author_id, username
               FROM messages JOIN users ON user_id = author_id
               WHERE message_id = $1 AND NOT flagged),
           edited AS (
               UPDATE messages
               SET text = CASE WHEN with_line_feeds(text) = with_line_feeds($3) THEN text
                               ELSE $3 END,
                   edited_at = CASE WHEN with_line_feeds(text) = with_line_feeds($3)
                                    THEN edited_at ELSE now() END
               WHERE message_id = $1 AND author_id = $2 AND NOT flagged
               RETURNING message_id, text, published_at, edited_at, parent_id, parent_author_id)
           SELECT existing.author_id = $2 AS "own!", username AS author,
                  edited.message_id AS "message_id?", text AS "text?",
                  published_at AS "published_at?", edited_at, parent_id,
                  (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
           FROM existing LEFT JOIN edited ON true"#,
        id,
        author.0,
        text.as_str(),
    );
    let row = database.optional(query).await?;
    let own = row.as_ref().map(|row| row.own);
    let edited = row.and_then(|row| {
        Some(MessageRow {
            message_id: row.message_id?,
            author: row.author,
            text: row.text?,
            published_at: row.published_at?,
            edited_at: row.edited_at,
            parent_id: row.parent_id,
            parent_author: row.parent_author,
        })
    });
    Ok(Changed::new(own, edited.map(Message::from)))
}

/// Deletes a message of `author`.
pub async fn delete(database: &Database, author: UserId, id: i64) -> Result<Changed<()>, Error> {
    let query = sqlx::query!(
        r#"WITH existing AS (
               SELECT author_id FROM messages WHERE message_id = $1 AND NOT flagged),
           deleted AS (
               DELETE FROM messages WHERE message_id = $1 AND author_id = $2 AND NOT flagged
               RETURNING message_id)
           SELECT author_id = $2 AS "own!", EXISTS (SELECT FROM deleted) AS "deleted!"
           FROM existing"#,
        id,
        author.0,
    );
    let row = database.optional(query).await?;
    let own = row.as_ref().map(|row| row.own);
    Ok(Changed::new(own, row.filter(|row| row.deleted).map(drop)))
}

/// Returns the message with this id, flagged or not, if there is one.
pub async fn moderated(database: &Database, id: i64) -> Result<Option<ModeratedMessage>, Error> {
    let query = sqlx::query!(
        "SELECT message_id, text, published_at, edited_at, flagged, username AS author, parent_id,
                (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
         FROM messages JOIN users ON user_id = author_id
         WHERE message_id = $1",
        id,
    );
    Ok(database.optional(query).await?.map(|row| {
        let message = MessageRow {
            message_id: row.message_id,
            author: row.author,
            text: row.text,
            published_at: row.published_at,
            edited_at: row.edited_at,
            parent_id: row.parent_id,
            parent_author: row.parent_author,
        };
        ModeratedMessage { message: message.into(), flagged: row.flagged }
    }))
}

/// Flags or unflags a message. Returns `false` if it does not exist.
pub async fn set_flagged(database: &Database, id: i64, flagged: bool) -> Result<bool, Error> {
    let query = sqlx::query!("UPDATE messages SET flagged = $2 WHERE message_id = $1", id, flagged);
    Ok(database.execute(query).await? == 1)
}

/// Deletes the newest messages of an author, `limit` at most, flagged or not. Returns their number.
pub async fn delete_newest_of(
    database: &Database,
    author: UserId,
    limit: u16,
) -> Result<u64, Error> {
    let query = sqlx::query!(
        "DELETE FROM messages WHERE message_id = ANY (ARRAY(
             SELECT message_id FROM messages WHERE author_id = $1
             ORDER BY flagged, published_at DESC, message_id DESC
             LIMIT $2))",
        author.0,
        i64::from(limit),
    );
    database.execute(query).await
}
