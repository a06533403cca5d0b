//! The search blocks during an import.
//!
//! The import holds the lock of indexing while it inserts messages into the past, so that no server
//! builds a block that lacks them. Before it inserts a message, it deletes the blocks from its time on,
//! and builds them again at the end.

use sqlx::PgConnection;
use time::OffsetDateTime;

pub use crate::db::search_blocks::Moment;
use crate::db::{
    error::Error,
    search_blocks::{self, LOCK_KEY},
};

/// The messages of a block.
pub const BLOCK: u64 = search_blocks::BLOCK as u64;
/// Blocks that one transaction deletes.
const STEP: i64 = 1_000;

/// Takes the lock of indexing for this connection. Returns `false` if a server indexes at present.
pub async fn lock(connection: &mut PgConnection) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, LOCK_KEY);
    Ok(query.fetch_one(connection).await?)
}

/// Releases the lock of indexing.
pub async fn unlock(connection: &mut PgConnection) -> Result<(), Error> {
    let query = sqlx::query_scalar!("SELECT pg_advisory_unlock($1)", LOCK_KEY);
    query.fetch_one(connection).await?;
    Ok(())
}

/// Deletes the newest blocks that may contain a message of this time. Returns whether there may be
/// more.
pub async fn delete_from(
    connection: &mut PgConnection,
    time: OffsetDateTime,
) -> Result<bool, Error> {
    let query = sqlx::query!(
        "DELETE FROM search_blocks
         WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM search_blocks WHERE until_time >= $1
             ORDER BY until_time DESC, until_id DESC
             LIMIT $2))",
        time,
        STEP,
    );
    Ok(query.execute(connection).await?.rows_affected() == STEP as u64)
}

/// Returns the present moment.
pub async fn moment(connection: &mut PgConnection) -> Result<Moment, Error> {
    search_blocks::moment_on(connection).await
}

/// Counts the messages without a block.
pub async fn unindexed(connection: &mut PgConnection) -> Result<i64, Error> {
    let query = sqlx::query_scalar!(
        r#"WITH last AS MATERIALIZED (
               SELECT until_time, until_id FROM search_blocks
               ORDER BY until_time DESC, until_id DESC LIMIT 1)
           SELECT count(*) AS "count!" FROM messages
           WHERE NOT flagged AND (published_at, message_id) >
                 (COALESCE((SELECT until_time FROM last), '-infinity'), COALESCE((SELECT until_id FROM last), 0))"#,
    );
    Ok(query.fetch_one(connection).await?)
}

/// Inserts the next block, of messages published before `settled`; `false` if these are too few.
pub async fn insert_next(
    connection: &mut PgConnection,
    settled: OffsetDateTime,
) -> Result<bool, Error> {
    search_blocks::insert_next_on(connection, settled).await
}
