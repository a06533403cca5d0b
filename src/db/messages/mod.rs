//! The table `messages`, one message at a time: read, edited, deleted, flagged.
//!
//! Each is one statement, which also tells why it changed nothing. A flagged message is not there,
//! but for operators.

pub mod live;
pub mod search;
pub mod timelines;

use super::{Database, Error};
use crate::domain::{Message, MessageText, UserId, Username};

/// What became of a change of somebody's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed<T> {
    /// It was made, with this result.
    Done(T),
    /// The message is somebody else's.
    NotYours,
    /// There is no such message.
    Unknown,
}

impl<T> Changed<T> {
    /// `own` tells whose the message is, if it was there when the statement began; `done` what was
    /// changed, unless somebody else was quicker to delete it.
    fn of(own: Option<bool>, done: Option<T>) -> Self {
        match (own, done) {
            (_, Some(done)) => Self::Done(done),
            (Some(false), None) => Self::NotYours,
            (Some(true) | None, None) => Self::Unknown,
        }
    }
}

/// The message with this key; `None` if there is none or if it is flagged.
///
/// # Errors
/// When the database fails.
pub async fn by_key(database: &Database, id: i64) -> Result<Option<Message>, Error> {
    let statement = sqlx::query!(
        "SELECT message_id, text, published_at, edited_at, username
         FROM messages JOIN users ON user_id = author_id
         WHERE message_id = $1 AND NOT flagged",
        id,
    )
    .fetch_optional(database.pool());
    Ok(database.with_timeout(statement).await?.map(|row| Message {
        id: row.message_id,
        author: Username::from_stored(row.username),
        text: row.text,
        published_at: row.published_at,
        edited_at: row.edited_at,
    }))
}

/// Changes the text of a message of `author`'s. The same text again changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn edit(
    database: &Database,
    author: UserId,
    id: i64,
    text: &MessageText,
) -> Result<Changed<Message>, Error> {
    let statement = sqlx::query!(
        r#"WITH wanted AS (
               SELECT message_id, author_id, username
               FROM messages JOIN users ON user_id = author_id
               WHERE message_id = $1 AND NOT flagged),
           edited AS (
               UPDATE messages
               SET text = $3, edited_at = CASE WHEN text = $3 THEN edited_at ELSE now() END
               WHERE message_id = $1 AND author_id = $2 AND NOT flagged
               RETURNING message_id, text, published_at, edited_at)
           SELECT wanted.author_id = $2 AS "own!", username, edited.message_id AS "message_id?",
                  text AS "text?", published_at AS "published_at?", edited_at
           FROM wanted LEFT JOIN edited ON true"#,
        id,
        author.0,
        text.as_str(),
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    let own = row.as_ref().map(|row| row.own);
    let edited = row.and_then(|row| {
        Some(Message {
            id: row.message_id?,
            author: Username::from_stored(row.username),
            text: row.text?,
            published_at: row.published_at?,
            edited_at: row.edited_at,
        })
    });
    Ok(Changed::of(own, edited))
}

/// Deletes a message of `author`'s.
///
/// # Errors
/// When the database fails.
pub async fn delete(database: &Database, author: UserId, id: i64) -> Result<Changed<()>, Error> {
    let statement = sqlx::query!(
        r#"WITH wanted AS (
               SELECT author_id FROM messages WHERE message_id = $1 AND NOT flagged),
           deleted AS (
               DELETE FROM messages WHERE message_id = $1 AND author_id = $2 AND NOT flagged
               RETURNING message_id)
           SELECT author_id = $2 AS "own!", EXISTS (SELECT FROM deleted) AS "deleted!"
           FROM wanted"#,
        id,
        author.0,
    )
    .fetch_optional(database.pool());
    let row = database.with_timeout(statement).await?;
    Ok(Changed::of(row.as_ref().map(|row| row.own), row.and_then(|row| row.deleted.then_some(()))))
}

/// A message as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moderated {
    /// The message.
    pub message: Message,
    /// Whether it is hidden from everybody else.
    pub flagged: bool,
}

/// The message with this key, flagged or not; `None` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn moderated(database: &Database, id: i64) -> Result<Option<Moderated>, Error> {
    let statement = sqlx::query!(
        "SELECT message_id, text, published_at, edited_at, flagged, username
         FROM messages JOIN users ON user_id = author_id
         WHERE message_id = $1",
        id,
    )
    .fetch_optional(database.pool());
    Ok(database.with_timeout(statement).await?.map(|row| Moderated {
        message: Message {
            id: row.message_id,
            author: Username::from_stored(row.username),
            text: row.text,
            published_at: row.published_at,
            edited_at: row.edited_at,
        },
        flagged: row.flagged,
    }))
}

/// Hides a message from everybody but operators, or shows it again; `false` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn set_flagged(database: &Database, id: i64, flagged: bool) -> Result<bool, Error> {
    let statement =
        sqlx::query!("UPDATE messages SET flagged = $2 WHERE message_id = $1", id, flagged,)
            .execute(database.pool());
    Ok(database.with_timeout(statement).await?.rows_affected() == 1)
}

/// Deletes the newest messages of an author's, `limit` at most. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn delete_newest_of(
    database: &Database,
    author: UserId,
    limit: u16,
) -> Result<u64, Error> {
    let statement = sqlx::query!(
        "DELETE FROM messages WHERE message_id = ANY (ARRAY(
             SELECT message_id FROM messages WHERE author_id = $1
             ORDER BY flagged, published_at DESC, message_id DESC
             LIMIT $2))",
        author.0,
        i64::from(limit),
    )
    .execute(database.pool());
    Ok(database.with_timeout(statement).await?.rows_affected())
}
