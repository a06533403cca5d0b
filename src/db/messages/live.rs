//! The table `messages`, oldest message first, for the streams.
//!
//! [`poll`] reads the messages and the running transactions in one statement. The service derives
//! the watermark from the transactions: the time before which no message can still be committed. No
//! query returns imported messages, which are not new.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::MessageRow;
use crate::{
    db::{error::Error, parameters::keyset, pool::Database},
    domain::{Cursor, Message, UserId},
};

/// The result of one poll.
#[derive(Debug, Clone)]
pub struct Poll {
    /// Messages that are posted after the poll get this time or a later one: the time of the latest
    /// message, plus 1 µs.
    pub at: OffsetDateTime,
    /// When the result arrived, by a clock that never goes back.
    pub taken: Instant,
    /// The ids of transactions of this database that had locked the table for writing during the poll.
    /// Each may still commit a message with an earlier time.
    pub writers: Vec<i64>,
    /// Those of them that are prepared for a two-phase commit.
    pub prepared: Vec<Prepared>,
    /// The transactions that the snapshot of the poll does not show.
    pub unseen: Unseen,
    /// Messages in timeline order.
    pub messages: Vec<PostedMessage>,
}

/// A message, with the users on whose own timelines it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedMessage {
    /// The message.
    pub message: Message,
    /// The author.
    pub author: UserId,
    /// The author of the message that it replies to.
    pub addressee: Option<UserId>,
}

/// A prepared transaction. It belongs to no connection, and stays open until a program ends it by name.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The id of the transaction.
    pub transaction: i64,
    /// The name in `COMMIT PREPARED` and `ROLLBACK PREPARED`.
    pub name: String,
    /// When it was prepared.
    pub since: OffsetDateTime,
    /// How long ago that was, by PostgreSQL's clock.
    pub age: Duration,
}

/// The transactions that had not ended when a snapshot was taken.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// All with this id or a higher one (`pg_snapshot_xmax`).
    pub from: i64,
    /// Others below it (`pg_snapshot_xip`).
    pub among: Vec<i64>,
}

impl Unseen {
    /// Whether a transaction had not ended.
    pub fn contains(&self, transaction: i64) -> bool {
        transaction >= self.from || self.among.contains(&transaction)
    }

    /// Returns the 64-bit id of a transaction from its lower 32 bits, which is all that `pg_locks`
    /// shows. The ids of running transactions differ by less than 2³¹.
    fn full_id(&self, lower: u32) -> i64 {
        // The difference of the lower halves, as a signed number.
        let difference = lower.wrapping_sub(self.from as u32) as i32;
        self.from + i64::from(difference)
    }
}

/// Reads the first `limit` messages after the cursor `after` of the public timeline; none without a
/// cursor.
pub async fn poll(database: &Database, after: Option<Cursor>, limit: i64) -> Result<Poll, Error> {
    let (time, id) = keyset(after);
    // A transaction holds a lock on its id until its changes are visible to all. The query reads
    // these locks because a snapshot does not list running transactions from `xmax` on. The times
    // in `pg_stat_activity` cannot replace them. They are hidden from roles without
    // `pg_read_all_stats`, and absent with `track_activities = off` and for prepared transactions.
    // Streams would silently lose messages.
    // The time of the poll is that of the latest message, not of the clock: if the clock steps back, the
    // next message has an earlier time than the clock had now.
    //
    // A lock on an id names no database. The lock on the table does, and every role sees it: a
    // transaction takes it before it gets its id, and keeps it as long. `pg_locks` is read once. It
    // lists the locks on tables before those on ids, so a writer whose table lock it misses reads
    // the latest publication time after this snapshot, and gets a later one.
    let query = sqlx::query!(
        r#"WITH locks AS MATERIALIZED (
               SELECT locktype, database, relation, transactionid, virtualtransaction, pid, mode
               FROM pg_locks WHERE granted),
           writers AS MATERIALIZED (
               SELECT own.transactionid, own.pid
               FROM locks AS own
               WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock'
                 AND EXISTS (
                     SELECT FROM locks AS written
                     WHERE written.virtualtransaction = own.virtualtransaction
                       AND written.locktype = 'relation' AND written.mode = 'RowExclusiveLock'
                       AND written.relation = 'messages'::regclass
                       AND written.database = (SELECT oid FROM pg_database
                                               WHERE datname = current_database())))
           SELECT poll.at AS "at!", poll.writers AS "writers!", poll.unseen_from AS "unseen_from!",
                  poll.unseen_among AS "unseen_among!", prepared.ids AS "prepared_ids?",
                  prepared.names AS "prepared_names?", prepared.times AS "prepared_times?",
                  prepared.ages AS "prepared_ages?", message_id AS "message_id?", text AS "text?",
                  published_at AS "published_at?", edited_at, author_id AS "author_id?",
                  (SELECT username FROM users WHERE user_id = author_id) AS author,
                  parent_id, parent_author_id,
                  (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
           FROM (SELECT COALESCE(latest_publication() + interval '1 microsecond', to_timestamp(0)) AS at,
                        ARRAY (SELECT transactionid::text::bigint FROM writers) AS writers,
                        pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS unseen_from,
                        ARRAY (SELECT number::text::bigint
                               FROM pg_snapshot_xip(pg_current_snapshot()) AS number) AS unseen_among
                ) AS poll
           LEFT JOIN LATERAL (
               SELECT array_agg(transaction::text::bigint) AS ids, array_agg(gid) AS names,
                      array_agg(prepared) AS times,
                      array_agg(extract(epoch FROM now() - prepared)::float8) AS ages
               FROM pg_prepared_xacts
               WHERE EXISTS (SELECT FROM writers WHERE pid IS NULL)
                 AND transaction IN (SELECT transactionid FROM writers)) AS prepared ON true
           LEFT JOIN LATERAL (
               SELECT message_id, text, published_at, edited_at, author_id, parent_id,
                      parent_author_id
               FROM messages
               WHERE NOT flagged AND NOT imported AND (published_at, message_id) >
                     (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
               ORDER BY published_at, message_id
               LIMIT $3) AS newer ON true
           ORDER BY newer.published_at, newer.message_id"#,
        time,
        id,
        limit,
    );
    let rows = database.all(query).await?;
    // The query returns a row even without messages.
    let first = rows.first().ok_or(Error::Unresponsive)?;
    let unseen = Unseen { from: first.unseen_from, among: first.unseen_among.clone() };
    let writers = first.writers.iter().map(|lower| unseen.full_id(*lower as u32)).collect();
    let prepared = prepared(
        &unseen,
        first.prepared_ids.as_deref().unwrap_or_default(),
        first.prepared_names.as_deref().unwrap_or_default(),
        first.prepared_times.as_deref().unwrap_or_default(),
        first.prepared_ages.as_deref().unwrap_or_default(),
    );
    let at = first.at;
    let messages = rows.into_iter().filter_map(|row| {
        let message = MessageRow {
            message_id: row.message_id?,
            author: row.author?,
            text: row.text?,
            published_at: row.published_at?,
            edited_at: row.edited_at,
            parent_id: row.parent_id,
            parent_author: row.parent_author,
        };
        Some(PostedMessage {
            message: message.into(),
            author: UserId(row.author_id?),
            addressee: row.parent_author_id.map(UserId),
        })
    });
    let messages = messages.collect();
    Ok(Poll { at, taken: Instant::now(), writers, prepared, unseen, messages })
}

/// Makes rows of the columns.
fn prepared(
    unseen: &Unseen,
    ids: &[i64],
    names: &[String],
    times: &[OffsetDateTime],
    ages: &[f64],
) -> Vec<Prepared> {
    let columns = ids.iter().zip(names).zip(times).zip(ages);
    let row =
        |(((lower, name), since), age): (((&i64, &String), &OffsetDateTime), &f64)| Prepared {
            transaction: unseen.full_id(*lower as u32),
            name: name.clone(),
            since: *since,
            // It is negative after a step of the clock.
            age: Duration::try_from_secs_f64(*age).unwrap_or_default(),
        };
    columns.map(row).collect()
}

/// Lists the first `limit` messages after the cursor `after`, up to and including `until`: of the
/// own timeline of `reader`, or of the public timeline.
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
    let query = sqlx::query_as!(
        MessageRow,
        r#"SELECT message_id, text, published_at, edited_at, parent_id,
                  (SELECT username FROM users WHERE user_id = author_id) AS "author!",
                  (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
           FROM messages
           WHERE NOT flagged AND NOT imported
             -- An orphan has no author.
             AND (SELECT true FROM users WHERE user_id = author_id)
             AND (published_at, message_id) > ($1, $2)
             AND (published_at, message_id) <= ($3, $4)
           ORDER BY published_at, message_id
           LIMIT $5"#,
        after.published_at(),
        after.message_id(),
        until.published_at(),
        until.message_id(),
        limit,
    );
    Ok(database.all(query).await?.into_iter().map(Message::from).collect())
}

/// The rules are those of [`super::timelines::own_timeline`].
async fn own_between(
    database: &Database,
    reader: UserId,
    (after, until): (Cursor, Cursor),
    limit: i64,
) -> Result<Vec<Message>, Error> {
    let query = sqlx::query_as!(
        MessageRow,
        r#"SELECT newer.message_id AS "message_id!", newer.text AS "text!",
                  newer.published_at AS "published_at!", newer.edited_at, newer.parent_id,
                  (SELECT username FROM users WHERE user_id = newer.author_id) AS "author!",
                  (SELECT username FROM users WHERE user_id = newer.parent_author_id)
                      AS parent_author
           FROM (SELECT authors.author_id, own.*
                 FROM (SELECT $6::bigint AS author_id
                       UNION ALL
                       SELECT followee_id FROM follows WHERE follower_id = $6) AS authors,
                      LATERAL (
                          SELECT message_id, text, published_at, edited_at, parent_id,
                                 parent_author_id
                          FROM messages
                          WHERE messages.author_id = authors.author_id AND NOT flagged
                            AND NOT imported
                            AND (SELECT true FROM users WHERE user_id = authors.author_id)
                            AND (published_at, message_id) > ($1, $2)
                            AND (published_at, message_id) <= ($3, $4)
                            AND (parent_id IS NULL OR authors.author_id = $6
                                 OR parent_author_id = $6 OR EXISTS (
                                     SELECT FROM follows
                                     WHERE follower_id = $6 AND followee_id = parent_author_id))
                          ORDER BY published_at, message_id
                          LIMIT $5) AS own
                 UNION ALL
                 (SELECT author_id, message_id, text, published_at, edited_at, parent_id,
                         parent_author_id
                  FROM messages
                  WHERE parent_author_id = $6 AND NOT flagged AND NOT imported
                    AND author_id <> $6 AND (SELECT true FROM users WHERE user_id = author_id)
                    AND NOT EXISTS (SELECT FROM follows
                                    WHERE follower_id = $6 AND followee_id = author_id)
                    AND (published_at, message_id) > ($1, $2)
                    AND (published_at, message_id) <= ($3, $4)
                  ORDER BY published_at, message_id
                  LIMIT $5)) AS newer
           ORDER BY newer.published_at, newer.message_id
           LIMIT $5"#,
        after.published_at(),
        after.message_id(),
        until.published_at(),
        until.message_id(),
        limit,
        reader.0,
    );
    Ok(database.all(query).await?.into_iter().map(Message::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_id_is_restored_from_its_lower_half() {
        let full_id = |from: i64, lower: u32| Unseen { from, among: Vec::new() }.full_id(lower);
        assert_eq!(full_id(7, 5), 5);
        assert_eq!(full_id(7, 9), 9);
        assert_eq!(full_id((1 << 32) + 2, 4), (1 << 32) + 4);
        assert_eq!(full_id((1 << 32) + 2, u32::MAX), (1 << 32) - 1);
        assert_eq!(full_id((1 << 32) - 1, 3), (1 << 32) + 3);
    }
}
