//! The table `messages`, read from the oldest to the newest by whoever follows what is new.
//!
//! What transactions are at work is read in the same snapshot as the messages, so that it is known up
//! to which time nothing can be added any more.

use time::OffsetDateTime;

use crate::db::{Database, Error, keyset};
use crate::domain::{Cursor, Message, UserId, Username};

/// What was there at one moment.
#[derive(Debug, Clone)]
pub struct Poll {
    /// When the look began.
    pub at: OffsetDateTime,
    /// The numbers of the transactions that were at work after it began, and may have published
    /// something before that.
    pub writers: Vec<i64>,
    /// What transactions the look shows nothing of.
    pub unseen: Unseen,
    /// Messages, with their authors' keys, in the order of the timeline.
    pub messages: Vec<(Message, UserId)>,
}

/// The transactions that had not ended for a snapshot.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// Those with this number or a higher one.
    pub from: i64,
    /// Those with one of these numbers.
    pub among: Vec<i64>,
}

impl Unseen {
    /// Whether this transaction had not ended.
    #[must_use]
    pub fn contains(&self, number: i64) -> bool {
        number >= self.from || self.among.contains(&number)
    }

    /// The number of a transaction, of which the lower 32 bits are given. No two that are at work are
    /// 2³¹ apart.
    fn whole(&self, lower: u32) -> i64 {
        // The lower bits of both, and their difference, which has a sign.
        let difference = lower.wrapping_sub(self.from as u32) as i32;
        self.from + i64::from(difference)
    }
}

/// Looks at the first `limit` messages that stand after `after` on the public timeline; at none without
/// it.
///
/// # Errors
/// When the database fails.
pub async fn poll(database: &Database, after: Option<Cursor>, limit: i64) -> Result<Poll, Error> {
    let (time, id) = keyset(after);
    // Every transaction that has a number holds a lock on it until all can see what it has done. The
    // snapshot alone does not tell of those with the highest numbers.
    let statement = sqlx::query!(
        r#"SELECT look.at AS "at!", look.writers AS "writers!", look.unseen_from AS "unseen_from!",
                  look.unseen_among AS "unseen_among!", message_id AS "message_id?", text AS "text?",
                  published_at AS "published_at?", edited_at, author_id AS "author_id?",
                  (SELECT username FROM users WHERE user_id = author_id) AS author
           FROM (SELECT now() AS at,
                        ARRAY (SELECT transactionid::text::bigint FROM pg_locks
                               WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock'
                                 AND granted) AS writers,
                        pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS unseen_from,
                        ARRAY (SELECT number::text::bigint
                               FROM pg_snapshot_xip(pg_current_snapshot()) AS number) AS unseen_among
                ) AS look
           LEFT JOIN LATERAL (
               SELECT message_id, text, published_at, edited_at, author_id
               FROM messages
               WHERE NOT flagged AND (published_at, message_id) >
                     (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
               ORDER BY published_at, message_id
               LIMIT $3) AS newer ON true
           ORDER BY newer.published_at, newer.message_id"#,
        time,
        id,
        limit,
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    // There always is one.
    let first = rows.first().ok_or(Error::Unresponsive)?;
    let (at, among) = (first.at, first.unseen_among.clone());
    let unseen = Unseen { from: first.unseen_from, among };
    let writers = first.writers.iter().map(|lower| unseen.whole(*lower as u32)).collect();
    let messages = rows.into_iter().filter_map(|row| {
        let message = Message {
            id: row.message_id?,
            author: Username::from_stored(row.author?),
            text: row.text?,
            published_at: row.published_at?,
            edited_at: row.edited_at,
        };
        Some((message, UserId(row.author_id?)))
    });
    Ok(Poll { at, writers, unseen, messages: messages.collect() })
}

/// The first `limit` messages that stand after `after` and not after `until`: on the public timeline,
/// or on the own one of `reader`.
///
/// # Errors
/// When the database fails.
pub async fn between(
    database: &Database,
    reader: Option<UserId>,
    (after, until): (Cursor, Cursor),
    limit: i64,
) -> Result<Vec<Message>, Error> {
    match reader {
        None => public_between(database, (after, until), limit).await,
        Some(reader) => own_between(database, reader, (after, until), limit).await,
    }
}

async fn public_between(
    database: &Database,
    (after, until): (Cursor, Cursor),
    limit: i64,
) -> Result<Vec<Message>, Error> {
    let statement = sqlx::query!(
        r#"SELECT message_id, text, published_at, edited_at,
                  (SELECT username FROM users WHERE user_id = author_id) AS "author!"
           FROM messages
           WHERE NOT flagged AND (published_at, message_id) > ($1, $2)
             AND (published_at, message_id) <= ($3, $4)
           ORDER BY published_at, message_id
           LIMIT $5"#,
        after.published_at(),
        after.message_id(),
        until.published_at(),
        until.message_id(),
        limit,
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter();
    let messages = rows.map(|row| Message {
        id: row.message_id,
        author: Username::from_stored(row.author),
        text: row.text,
        published_at: row.published_at,
        edited_at: row.edited_at,
    });
    Ok(messages.collect())
}

async fn own_between(
    database: &Database,
    reader: UserId,
    (after, until): (Cursor, Cursor),
    limit: i64,
) -> Result<Vec<Message>, Error> {
    let statement = sqlx::query!(
        r#"SELECT newer.message_id AS "message_id!", newer.text AS "text!",
                  newer.published_at AS "published_at!", newer.edited_at,
                  (SELECT username FROM users WHERE user_id = authors.author_id) AS "author!"
           FROM (SELECT $6::bigint AS author_id
                 UNION ALL
                 SELECT followee_id FROM follows WHERE follower_id = $6) AS authors,
                LATERAL (
                    SELECT message_id, text, published_at, edited_at
                    FROM messages
                    WHERE messages.author_id = authors.author_id AND NOT flagged
                      AND (published_at, message_id) > ($1, $2)
                      AND (published_at, message_id) <= ($3, $4)
                    ORDER BY published_at, message_id
                    LIMIT $5) AS newer
           ORDER BY newer.published_at, newer.message_id
           LIMIT $5"#,
        after.published_at(),
        after.message_id(),
        until.published_at(),
        until.message_id(),
        limit,
        reader.0,
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter();
    let messages = rows.map(|row| Message {
        id: row.message_id,
        author: Username::from_stored(row.author),
        text: row.text,
        published_at: row.published_at,
        edited_at: row.edited_at,
    });
    Ok(messages.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_by_its_lower_half() {
        let of = |from: i64, lower: u32| Unseen { from, among: Vec::new() }.whole(lower);
        assert_eq!(of(7, 5), 5);
        assert_eq!(of(7, 9), 9);
        assert_eq!(of((1 << 32) + 2, 4), (1 << 32) + 4);
        assert_eq!(of((1 << 32) + 2, u32::MAX), (1 << 32) - 1);
        assert_eq!(of((1 << 32) - 1, 3), (1 << 32) + 3);
    }
}
