//! The table `simulator_latest`: one row a server process, the highest arrival is in force.

use super::{Database, Error};

/// Makes `value` the latest, in the row of the server process `server_id`.
///
/// Every replica sees it when this returns. It is on disk within a second (three times
/// `wal_writer_delay`, 200 ms by default), which is what a crash may cost.
///
/// # Errors
/// When the database fails.
pub async fn record(database: &Database, server_id: i64, value: i64) -> Result<(), Error> {
    let statement = sqlx::query!(
        "WITH commit_without_wait AS (SELECT set_config('synchronous_commit', 'off', true))
         INSERT INTO simulator_latest (server_id, arrival, value)
         SELECT $1, nextval('simulator_latest_arrival_seq'), $2 FROM commit_without_wait
         ON CONFLICT ON CONSTRAINT simulator_latest_pkey
         DO UPDATE SET arrival = excluded.arrival, value = excluded.value",
        server_id,
        value,
    )
    .execute(database.pool());
    database.with_timeout(statement).await?;
    Ok(())
}

/// The value in force; `None` before any arrived.
///
/// # Errors
/// When the database fails.
pub async fn value(database: &Database) -> Result<Option<i64>, Error> {
    let statement =
        sqlx::query_scalar!("SELECT value FROM simulator_latest ORDER BY arrival DESC LIMIT 1")
            .fetch_optional(database.pool());
    database.with_timeout(statement).await
}

/// Removes the rows that are not in force: those of processes that are gone. A process that is not
/// gone writes its row anew with its next value.
///
/// # Errors
/// When the database fails.
pub async fn forget_superseded(database: &Database) -> Result<(), Error> {
    let statement = sqlx::query!(
        "DELETE FROM simulator_latest
         WHERE arrival < (SELECT max(arrival) FROM simulator_latest)"
    )
    .execute(database.pool());
    database.with_timeout(statement).await?;
    Ok(())
}
