//! The table `idempotency_keys`: what was answered when a message was posted under a key.

use std::time::Duration;

use super::{Database, Error, interval, messages::timelines::AUTHOR_KEY};
use crate::domain::{IdempotencyKey, Message, MessageText, User, UserId, Username};

/// What a message of an author who is gone breaks, or its key.
const AUTHOR_KEYS: [&str; 2] = [AUTHOR_KEY, "idempotency_keys_user_id_fkey"];

/// What became of a message that is to be posted once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedOnce {
    /// The message, as it was posted first.
    pub message: Message,
    /// Whether it was posted now, and not before.
    pub now: bool,
}

/// Adds a message by `author`, unless one was added under this key before; `None` if there is no such
/// user. Of many who use one key at once one adds the message, and the others wait and find it.
///
/// # Errors
/// When the database fails.
pub async fn insert_message(
    database: &Database,
    author: UserId,
    text: &MessageText,
    key: &IdempotencyKey,
) -> Result<Option<PostedOnce>, Error> {
    // The update changes nothing, but has the statement return the row that another one committed
    // while this one waited, and which its snapshot does not show.
    let statement = sqlx::query!(
        r#"WITH author AS (SELECT user_id, username FROM users WHERE user_id = $1),
           offered AS MATERIALIZED (
               SELECT user_id, nextval(pg_get_serial_sequence('messages', 'message_id')) AS message_id
               FROM author),
           kept AS (
               INSERT INTO idempotency_keys AS before (user_id, key, message_id, text, published_at)
               SELECT user_id, $3, message_id, $2, publication_time() FROM offered
               ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE SET key = before.key
               RETURNING message_id, text, published_at),
           posted AS (
               INSERT INTO messages (message_id, author_id, text, published_at)
               OVERRIDING SYSTEM VALUE
               SELECT message_id, user_id, text, published_at
               FROM kept JOIN offered USING (message_id)
               RETURNING message_id)
           SELECT kept.message_id, text, published_at, username,
                  EXISTS (SELECT FROM posted) AS "now!"
           FROM kept, author"#,
        author.0,
        text.as_str(),
        key.as_str(),
    )
    .fetch_optional(database.pool());
    let row = match database.with_timeout(statement).await {
        // The author was deleted after the statement had begun.
        Err(error) if AUTHOR_KEYS.iter().any(|key| error.breaks_foreign_key(key)) => None,
        row => row?,
    };
    Ok(row.map(|row| PostedOnce {
        message: Message {
            id: row.message_id,
            author: Username::from_stored(row.username),
            text: row.text,
            published_at: row.published_at,
            edited_at: None,
        },
        now: row.now,
    }))
}

/// What was posted by `author` under this key; `None` if nothing was.
///
/// # Errors
/// When the database fails.
pub async fn message(
    database: &Database,
    author: &User,
    key: &IdempotencyKey,
) -> Result<Option<Message>, Error> {
    let statement = sqlx::query!(
        "SELECT message_id, text, published_at FROM idempotency_keys
         WHERE user_id = $1 AND key = $2",
        author.id.0,
        key.as_str(),
    )
    .fetch_optional(database.pool());
    Ok(database.with_timeout(statement).await?.map(|row| Message {
        id: row.message_id,
        author: author.username.clone(),
        text: row.text,
        published_at: row.published_at,
        edited_at: None,
    }))
}

/// Forgets the keys that were used longer than `age` ago. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(database: &Database, age: Duration) -> Result<u64, Error> {
    let statement = sqlx::query!(
        "DELETE FROM idempotency_keys WHERE published_at < now() - $1::interval",
        interval(age),
    )
    .execute(database.pool());
    Ok(database.with_timeout(statement).await?.rows_affected())
}
