//! The table `idempotency_keys`: the message that was posted first under each key.

use std::time::Duration;

use super::{
    error::Error,
    messages::{AUTHOR_KEY, MessageRow},
    parameters::interval,
    pool::Database,
};
use crate::domain::{KeyedRequest, Message, MessageText, User, UserId};

/// Foreign keys that a message or its idempotency key violates when the author no longer exists.
const AUTHOR_KEYS: [&str; 2] = [AUTHOR_KEY, "idempotency_keys_user_id_fkey"];

/// The result of posting under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostedOnce {
    /// The message was posted now.
    Now(Message),
    /// The same request posted this message before. It is as it was posted then.
    Before(Message),
    /// Another request used the key before.
    KeyReused,
}

/// Inserts a message of `author`, a reply to `parent`, unless a request with this key inserted one before;
/// `None` if there is no such user or parent.
///
/// Of concurrent statements with the same key, one inserts the message; the others wait and return
/// it.
pub async fn insert_message(
    database: &Database,
    author: UserId,
    text: &MessageText,
    parent: Option<i64>,
    request: &KeyedRequest,
) -> Result<Option<PostedOnce>, Error> {
    // The update changes nothing. It makes the statement return a row that a concurrent statement
    // committed and that this one's snapshot does not show.
    let query = sqlx::query!(
        r#"WITH author AS (SELECT user_id, username FROM users WHERE user_id = $1),
           parent AS MATERIALIZED (
               SELECT message_id, author_id, username AS author
               FROM messages JOIN users ON user_id = author_id
               WHERE message_id = $5 AND NOT flagged),
           offered AS MATERIALIZED (
               SELECT user_id, nextval(pg_get_serial_sequence('messages', 'message_id')) AS message_id
               FROM author WHERE $5::bigint IS NULL OR EXISTS (SELECT FROM parent)),
           kept AS (
               INSERT INTO idempotency_keys AS before
                   (user_id, key, message_id, text, published_at, request_hash)
               SELECT user_id, $3, message_id, $2, publication_time(), $4 FROM offered
               ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE SET key = before.key
               RETURNING message_id, text, published_at, request_hash),
           posted AS (
               INSERT INTO messages
                   (message_id, author_id, text, published_at, parent_id, parent_author_id)
               OVERRIDING SYSTEM VALUE
               SELECT message_id, user_id, text, published_at, (SELECT message_id FROM parent),
                      (SELECT author_id FROM parent)
               FROM kept JOIN offered USING (message_id)
               RETURNING message_id)
           SELECT kept.message_id, text, published_at, username AS author,
                  EXISTS (SELECT FROM posted) AS "now!", request_hash = $4 AS "same!",
                  (SELECT author FROM parent) AS parent_author
           FROM kept, author"#,
        author.0,
        text.as_str(),
        request.key.as_str(),
        request.hash.as_bytes(),
        parent,
    );
    let row = match database.optional(query).await {
        // The author was deleted after the statement began.
        Err(error) if AUTHOR_KEYS.iter().any(|key| error.violates_foreign_key(key)) => None,
        row => row?,
    };
    Ok(row.map(|row| {
        let message = MessageRow {
            message_id: row.message_id,
            author: row.author,
            text: row.text,
            published_at: row.published_at,
            edited_at: None,
            parent_id: parent,
            parent_author: row.parent_author,
        };
        match (row.now, row.same) {
            (true, _) => PostedOnce::Now(message.into()),
            (false, true) => PostedOnce::Before(message.into()),
            (false, false) => PostedOnce::KeyReused,
        }
    }))
}

/// Returns what `author` posted before under the key of `request`, if anything. If the request is the same,
/// it replied to `parent` then, too.
pub async fn posted_before(
    database: &Database,
    author: &User,
    parent: Option<i64>,
    request: &KeyedRequest,
) -> Result<Option<PostedOnce>, Error> {
    let query = sqlx::query!(
        r#"SELECT message_id, username AS author, text, published_at, request_hash = $3 AS "same!",
                  (SELECT parent.username FROM messages JOIN users AS parent ON parent.user_id = author_id
                   WHERE messages.message_id = $4 AND NOT flagged) AS parent_author
           FROM idempotency_keys JOIN users USING (user_id)
           WHERE user_id = $1 AND key = $2"#,
        author.id.0,
        request.key.as_str(),
        request.hash.as_bytes(),
        parent,
    );
    Ok(database.optional(query).await?.map(|row| {
        let message = MessageRow {
            message_id: row.message_id,
            author: row.author,
            text: row.text,
            published_at: row.published_at,
            edited_at: None,
            parent_id: parent,
            parent_author: row.parent_author,
        };
        if row.same { PostedOnce::Before(message.into()) } else { PostedOnce::KeyReused }
    }))
}

/// Deletes keys that were first used longer than `age` ago. Returns their number.
pub async fn sweep(database: &Database, age: Duration) -> Result<u64, Error> {
    let query = sqlx::query!(
        "DELETE FROM idempotency_keys WHERE published_at < now() - $1::interval",
        interval(age),
    );
    database.execute(query).await
}
