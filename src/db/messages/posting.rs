//! The table `messages`: inserts, many in one statement.

use super::AUTHOR_KEY;
use crate::{
    db::{error::Error, pool::Database},
    domain::{Cursor, MessageText, ReplyTo, Username},
};

/// A message to insert.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The author's username.
    pub author: Username,
    /// The text.
    pub text: MessageText,
    /// The id of the message that it replies to.
    pub parent: Option<i64>,
}

/// The result of an insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// The message is stored.
    Posted {
        /// Its position in the timelines.
        position: Cursor,
        /// What it replies to.
        in_reply_to: Option<ReplyTo>,
    },
    /// The author does not exist.
    UnknownAuthor,
    /// The message that it replies to does not exist or is flagged.
    UnknownParent,
}

/// Inserts messages, all or none. Returns the result of each, in the order of `messages`.
pub async fn insert(database: &Database, messages: &[NewMessage]) -> Result<Vec<Inserted>, Error> {
    let with_replies = messages.iter().any(|message| message.parent.is_some());
    let inserted = if with_replies {
        insert_with_replies(database, messages).await
    } else {
        insert_plain(database, messages).await
    };
    match inserted {
        // The author was deleted after the statement began.
        Err(error) if messages.len() == 1 && error.violates_foreign_key(AUTHOR_KEY) => {
            Ok(vec![Inserted::UnknownAuthor])
        }
        inserted => inserted,
    }
}

/// Inserts messages that are no replies: the common case, which pays nothing for the others.
async fn insert_plain(
    database: &Database,
    messages: &[NewMessage],
) -> Result<Vec<Inserted>, Error> {
    let authors: Vec<&str> = messages.iter().map(|message| message.author.as_str()).collect();
    let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
    // The statement draws the keys first: RETURNING does not tell which message a row comes from.
    let query = sqlx::query!(
        r#"WITH given AS MATERIALIZED (
               SELECT (SELECT user_id FROM users WHERE username = author) AS author_id, text,
                      ordinal
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
                    AS given (author, text, ordinal)),
           keyed AS MATERIALIZED (
               SELECT nextval(pg_get_serial_sequence('messages', 'message_id')) AS message_id,
                      author_id, text, (SELECT publication_time()) AS published_at, ordinal
               FROM given WHERE author_id IS NOT NULL),
           inserted AS (
               INSERT INTO messages (message_id, author_id, text, published_at)
               OVERRIDING SYSTEM VALUE
               SELECT message_id, author_id, text, published_at FROM keyed ORDER BY message_id)
           SELECT ordinal AS "ordinal!", message_id AS "message_id!",
                  published_at AS "published_at!"
           FROM keyed"#,
        &authors as &[&str],
        &texts as &[&str],
    );
    let mut results = vec![Inserted::UnknownAuthor; messages.len()];
    for row in database.all(query).await? {
        let position = Cursor::new(row.published_at, row.message_id);
        set(&mut results, row.ordinal, Inserted::Posted { position, in_reply_to: None });
    }
    Ok(results)
}

/// Inserts messages of which some are replies.
async fn insert_with_replies(
    database: &Database,
    messages: &[NewMessage],
) -> Result<Vec<Inserted>, Error> {
    let authors: Vec<&str> = messages.iter().map(|message| message.author.as_str()).collect();
    let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
    let parents: Vec<Option<i64>> = messages.iter().map(|message| message.parent).collect();
    let query = sqlx::query!(
        r#"WITH given AS MATERIALIZED (
               SELECT (SELECT user_id FROM users WHERE username = author) AS author_id, text,
                      given.parent_id, parent.author_id AS parent_author_id,
                      given.parent_id IS NULL OR parent.author_id IS NOT NULL AS has_parent, ordinal
               FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
                    AS given (author, text, parent_id, ordinal)
               LEFT JOIN LATERAL (
                   SELECT author_id FROM messages
                   WHERE message_id = given.parent_id AND NOT flagged) AS parent ON true),
           keyed AS MATERIALIZED (
               SELECT nextval(pg_get_serial_sequence('messages', 'message_id')) AS message_id,
                      author_id, text, (SELECT publication_time()) AS published_at, parent_id,
                      parent_author_id, ordinal
               FROM given WHERE author_id IS NOT NULL AND has_parent),
           inserted AS (
               INSERT INTO messages
                   (message_id, author_id, text, published_at, parent_id, parent_author_id)
               OVERRIDING SYSTEM VALUE
               SELECT message_id, author_id, text, published_at, parent_id, parent_author_id
               FROM keyed ORDER BY message_id)
           SELECT given.ordinal AS "ordinal!", given.author_id IS NOT NULL AS "has_author!",
                  keyed.message_id AS "message_id?", keyed.published_at AS "published_at?",
                  (SELECT username FROM users WHERE user_id = keyed.parent_author_id)
                      AS parent_author
           FROM given LEFT JOIN keyed USING (ordinal)"#,
        &authors as &[&str],
        &texts as &[&str],
        &parents as &[Option<i64>],
    );
    let mut results = vec![Inserted::UnknownAuthor; messages.len()];
    for row in database.all(query).await? {
        let message = usize::try_from(row.ordinal - 1).ok().and_then(|index| messages.get(index));
        let parent_id = message.and_then(|message| message.parent);
        let result = match row.published_at.zip(row.message_id) {
            Some((time, id)) => Inserted::Posted {
                position: Cursor::new(time, id),
                in_reply_to: super::reply_to(parent_id, row.parent_author),
            },
            None if row.has_author => Inserted::UnknownParent,
            None => Inserted::UnknownAuthor,
        };
        set(&mut results, row.ordinal, result);
    }
    Ok(results)
}

/// Sets the result of the message with this ordinal, from 1.
fn set(results: &mut [Inserted], ordinal: i64, result: Inserted) {
    let index = usize::try_from(ordinal - 1).ok();
    if let Some(place) = index.and_then(|index| results.get_mut(index)) {
        *place = result;
    }
}
