//! The tables `search_blocks` and `search_late`: the index of messages for search.
//!
//! A block covers a range of the timeline and has the terms of its messages. [`insert_next`] adds the
//! next block, once all messages of its range are committed. Messages that change later are in
//! `search_late` until [`fold_late`] adds their terms to their block. One process at a time does
//! either: the others find the advisory lock taken.

use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use time::OffsetDateTime;

use super::{error::Error, pool::Database};

/// The messages of a block. Fewer would enlarge the index; more would make a search for a rare term
/// scan more messages for each that it finds.
pub const BLOCK: i64 = 256;
/// The most late messages whose terms are added to their blocks one by one. If there are more, such
/// as after an import, the blocks from the earliest on are built again.
const MAX_FOLDED: i64 = 1_000;

/// The key of the indexing's advisory lock, used by nothing else in the database: "search" in ASCII.
pub(super) const LOCK_KEY: i64 = 0x7365_6172_6368;

/// A moment and the transactions around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub at: OffsetDateTime,
    /// A transaction that began after that time. Each message with an earlier time was inserted by an
    /// earlier transaction.
    pub transaction: i64,
    /// All earlier transactions had ended.
    pub all_ended_before: i64,
}

/// Returns the present moment.
pub async fn moment(database: &Database) -> Result<Moment, Error> {
    let query = sqlx::query_as!(
        Moment,
        r#"SELECT now() AS "at!", pg_current_xact_id()::text::bigint AS "transaction!",
                  pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "all_ended_before!""#,
    );
    database.one(query).await
}

/// Like [`moment`], on a connection.
pub(super) async fn moment_on(connection: &mut PgConnection) -> Result<Moment, Error> {
    let query = sqlx::query_as!(
        Moment,
        r#"SELECT now() AS "at!", pg_current_xact_id()::text::bigint AS "transaction!",
                  pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "all_ended_before!""#,
    );
    Ok(query.fetch_one(connection).await?)
}

/// Inserts the next block, of messages published before `settled`. Returns `false` if these are too
/// few for a block, or if another process inserts one.
///
/// All messages with a time before `settled` must be committed.
pub async fn insert_next(database: &Database, settled: OffsetDateTime) -> Result<bool, Error> {
    Ok(database.execute(next_block(settled)).await? == 1)
}

/// Like [`insert_next`], on a connection that may hold the lock of indexing.
pub(super) async fn insert_next_on(
    connection: &mut PgConnection,
    settled: OffsetDateTime,
) -> Result<bool, Error> {
    Ok(next_block(settled).execute(connection).await?.rows_affected() == 1)
}

fn next_block(settled: OffsetDateTime) -> Query<'static, Postgres, PgArguments> {
    // The row lock notices that another process has deleted the last block since the snapshot. Then
    // the new block conflicts with the first one.
    sqlx::query!(
        "WITH lock AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1) AS acquired),
         last AS MATERIALIZED (
             SELECT until_time, until_id FROM search_blocks
             WHERE (SELECT acquired FROM lock)
             ORDER BY until_time DESC, until_id DESC
             LIMIT 1
             FOR UPDATE),
         start AS MATERIALIZED (
             SELECT COALESCE((SELECT until_time FROM last), '-infinity') AS after_time,
                    COALESCE((SELECT until_id FROM last), 0) AS after_id),
         next AS MATERIALIZED (
             SELECT message_id, published_at, text,
                    sum(GREATEST(char_length(text), 280)) OVER (
                        ORDER BY published_at, message_id ROWS UNBOUNDED PRECEDING) AS characters
             FROM (SELECT message_id, published_at, text FROM messages
                   WHERE NOT flagged AND published_at < $2 AND (SELECT acquired FROM lock)
                     AND (published_at, message_id) >
                         ((SELECT after_time FROM start), (SELECT after_id FROM start))
                   ORDER BY published_at, message_id
                   LIMIT $3) AS messages),
         -- A block has as many characters as 256 messages of 280, so that its terms fit. Only imported
         -- messages are longer; the first one of a block may exceed that.
         block AS MATERIALIZED (
             SELECT message_id, published_at, text FROM next
             WHERE characters <= $3 * 280
                OR characters = (SELECT min(characters) FROM next))
         INSERT INTO search_blocks (after_time, after_id, until_time, until_id, terms)
         SELECT after_time, after_id, newest.published_at, newest.message_id,
                COALESCE((SELECT array_to_tsvector(array_agg(lexeme))
                          FROM block, unnest(tsvector_to_array(terms_of(text))) AS lexeme), '')
         FROM start,
              (SELECT published_at, message_id FROM block
               ORDER BY (published_at, message_id) DESC
               LIMIT 1) AS newest
         -- Fewer messages also fill a block if they are long.
         WHERE (SELECT count(*) = $3 OR max(characters) > $3 * 280 FROM next)
         ON CONFLICT DO NOTHING",
        LOCK_KEY,
        settled,
        BLOCK,
    )
}

/// Adds the terms of late messages to their blocks. Returns whether there may be more.
///
/// If the terms of a block become too many for PostgreSQL, deletes the blocks from the earliest late
/// message on, so that [`insert_next`] builds these blocks again.
///
/// Messages without a block stay late until there is one.
pub async fn fold_late(database: &Database) -> Result<bool, Error> {
    match fold(database).await {
        Err(error) if error.exceeds_program_limit() => {
            delete_blocks_of_late(database, 0).await?;
            Ok(false)
        }
        result => result,
    }
}

async fn fold(database: &Database) -> Result<bool, Error> {
    let query = sqlx::query!(
        r#"WITH lock AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1) AS acquired),
           late AS MATERIALIZED (
               SELECT row, text,
                      (SELECT ctid FROM search_blocks
                       WHERE (until_time, until_id) >= (published_at, message_id)
                       ORDER BY until_time, until_id LIMIT 1) AS block
               FROM (SELECT ctid AS row, message_id FROM search_late
                     WHERE (SELECT acquired FROM lock) LIMIT $2) AS given
               LEFT JOIN LATERAL (
                   SELECT published_at, text FROM messages
                   WHERE messages.message_id = given.message_id OFFSET 0) AS message ON true),
           folded AS (
               UPDATE search_blocks SET terms = terms || COALESCE(
                   (SELECT array_to_tsvector(array_agg(lexeme))
                    FROM late, unnest(tsvector_to_array(terms_of(text))) AS lexeme
                    WHERE block = search_blocks.ctid), '')
               WHERE ctid = ANY (ARRAY(SELECT DISTINCT block FROM late WHERE block IS NOT NULL))),
           deleted AS (
               DELETE FROM search_late
               WHERE ctid = ANY (ARRAY(SELECT row FROM late
                                       WHERE block IS NOT NULL OR text IS NULL))
               RETURNING message_id)
           SELECT count(*) AS "count!" FROM deleted"#,
        LOCK_KEY,
        MAX_FOLDED,
    );
    Ok(database.one(query).await?.count == MAX_FOLDED)
}

/// If more messages are late than [`fold_late`] adds at once, deletes the blocks from the earliest of
/// them on, so that [`insert_next`] builds these blocks again. Returns the number of deleted blocks.
pub async fn rewind(database: &Database) -> Result<u64, Error> {
    delete_blocks_of_late(database, MAX_FOLDED).await
}

/// Deletes the blocks from the earliest late message on, if more than `most` messages are late.
async fn delete_blocks_of_late(database: &Database, most: i64) -> Result<u64, Error> {
    let query = sqlx::query!(
        "WITH lock AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1) AS acquired),
         late AS MATERIALIZED (
             SELECT search_late.ctid AS row,
                    (SELECT published_at FROM messages
                     WHERE messages.message_id = search_late.message_id) AS published_at
             FROM search_late
             WHERE (SELECT acquired FROM lock)),
         many AS MATERIALIZED (
             SELECT min(published_at) AS earliest FROM late HAVING count(*) > $2),
         forgotten AS (
             DELETE FROM search_late
             WHERE ctid = ANY (ARRAY(SELECT row FROM late WHERE EXISTS (SELECT FROM many))))
         DELETE FROM search_blocks
         -- The upper bound makes the planner expect few rows, as there are in most calls, and use the index.
         WHERE until_time >= (SELECT earliest FROM many) AND until_time < 'infinity'",
        LOCK_KEY,
        most,
    );
    database.execute(query).await
}
