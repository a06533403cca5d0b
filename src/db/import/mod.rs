//! The tables of imports, and the rows that an import inserts into users, messages and follows.
//!
//! The functions use a given connection, because an import into an empty database is one transaction.
//! Rows are inserted by COPY, with their old ids in the same transaction.

pub mod follows;
pub mod messages;
pub mod passwords;
pub mod search;
pub mod sources;
pub mod users;

use sqlx::{Executor as _, PgConnection};

pub use super::bulk::{has_users, vacuum_and_checkpoint};
use super::{
    bulk::{Index, create_indexes, drop_indexes},
    error::Error,
};

/// The tables that an import fills.
const TABLES: [&str; 3] = ["users", "messages", "follows"];

/// The number of an import: all of the same source have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportId(pub(super) i32);

/// Whether another connection to this database holds an advisory lock.
pub async fn is_locked(connection: &mut PgConnection, key: i64) -> Result<bool, Error> {
    let taken = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock_shared($1) AND pg_advisory_unlock_shared($1) AS "taken!""#,
        key
    );
    Ok(!taken.fetch_one(connection).await?)
}

/// Begins a transaction.
pub async fn begin(connection: &mut PgConnection) -> Result<(), Error> {
    Ok(connection.execute("BEGIN").await.map(drop)?)
}

/// Begins a transaction whose commit does not wait for the disk. The next commit that waits covers it.
///
/// A crash of PostgreSQL undoes the newest ones, all or the later of them.
pub async fn begin_batch(connection: &mut PgConnection) -> Result<(), Error> {
    Ok(connection.execute("BEGIN; SET LOCAL synchronous_commit = off").await.map(drop)?)
}

/// Commits the transaction.
pub async fn commit(connection: &mut PgConnection) -> Result<(), Error> {
    Ok(connection.execute("COMMIT").await.map(drop)?)
}

/// Rolls the transaction back, if there is one.
pub async fn roll_back(connection: &mut PgConnection) -> Result<(), Error> {
    Ok(connection.execute("ROLLBACK").await.map(drop)?)
}

/// The secondary indexes of empty tables, dropped for a load in one transaction.
pub struct DroppedIndexes(Vec<Index>);

/// Drops the secondary indexes of the tables in this transaction, if there is no user.
///
/// Returns `None` if there is one. The locks of the tables last until the transaction ends.
pub async fn prepare_empty(connection: &mut PgConnection) -> Result<Option<DroppedIndexes>, Error> {
    connection.execute("LOCK TABLE users, messages, follows IN ACCESS EXCLUSIVE MODE").await?;
    if has_users(connection).await? {
        return Ok(None);
    }
    let mut indexes = Vec::new();
    for table in TABLES {
        indexes.extend(drop_indexes(connection, table).await?);
    }
    Ok(Some(DroppedIndexes(indexes)))
}

/// Creates the dropped indexes again, in the same transaction.
pub async fn restore_indexes(
    connection: &mut PgConnection,
    indexes: &DroppedIndexes,
) -> Result<(), Error> {
    Ok(create_indexes(connection, &indexes.0).await?)
}

/// The rows of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Users.
    pub users: i64,
    /// Messages.
    pub messages: i64,
    /// Messages among these that a moderator hides.
    pub flagged: i64,
    /// Follows.
    pub follows: i64,
}

/// Counts the rows of the tables.
pub async fn totals(connection: &mut PgConnection) -> Result<Totals, Error> {
    let query = sqlx::query_as!(
        Totals,
        r#"SELECT (SELECT count(*) FROM users) AS "users!", (SELECT count(*) FROM follows) AS "follows!",
                  count(*) AS "messages!", count(*) FILTER (WHERE flagged) AS "flagged!"
           FROM messages"#,
    );
    Ok(query.fetch_one(connection).await?)
}

/// Gathers statistics for the query planner.
pub async fn analyze(connection: &mut PgConnection) -> Result<(), Error> {
    Ok(connection.execute("ANALYZE users, messages, follows").await.map(drop)?)
}
