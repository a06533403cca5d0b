//! The table `simulator_latest`: one row per server process. The row with the highest `arrival`
//! holds the value of `latest`.

use sqlx::PgConnection;

use super::{error::Error, pool::Database};

/// Sets `latest`, in the row of the server process `server_id`, if the row still has the arrival
/// `expected` or does not exist. Returns the row's new arrival; `None` if it had another one.
///
/// Every replica sees the value when this returns. PostgreSQL writes it to disk within 0.6 s (three
/// times `wal_writer_delay`, 200 ms by default), so a crash loses at most the values of that time.
pub async fn record(
    database: &Database,
    server_id: i64,
    value: i64,
    expected: Option<i64>,
) -> Result<Option<i64>, Error> {
    let query = sqlx::query!(
        "WITH commit_without_wait AS (SELECT set_config('synchronous_commit', 'off', true))
         INSERT INTO simulator_latest AS latest (server_id, arrival, value)
         SELECT $1, nextval('simulator_latest_arrival_seq'), $2 FROM commit_without_wait
         ON CONFLICT ON CONSTRAINT simulator_latest_pkey
         DO UPDATE SET arrival = excluded.arrival, value = excluded.value
         WHERE latest.arrival = $3
         RETURNING arrival",
        server_id,
        value,
        expected,
    );
    Ok(database.optional(query).await?.map(|row| row.arrival))
}

/// Returns the arrival of the row of the server process `server_id`, if there is one.
pub async fn arrival(database: &Database, server_id: i64) -> Result<Option<i64>, Error> {
    let query =
        sqlx::query!("SELECT arrival FROM simulator_latest WHERE server_id = $1", server_id);
    Ok(database.optional(query).await?.map(|row| row.arrival))
}

/// Returns the value of `latest`, if one was ever recorded.
pub async fn value(database: &Database) -> Result<Option<i64>, Error> {
    let query = sqlx::query!("SELECT value FROM simulator_latest ORDER BY arrival DESC LIMIT 1");
    Ok(database.optional(query).await?.map(|row| row.value))
}

/// Deletes all rows but the one with the highest `arrival`: most belong to processes that ended. A
/// running process inserts its row again with its next value.
pub async fn forget_superseded(database: &Database) -> Result<(), Error> {
    let query = sqlx::query!(
        "DELETE FROM simulator_latest
         WHERE arrival < (SELECT max(arrival) FROM simulator_latest)"
    );
    database.execute(query).await.map(drop)
}

/// Whether a value was ever recorded.
pub async fn exists(connection: &mut PgConnection) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM simulator_latest) AS "exists!""#);
    Ok(query.fetch_one(connection).await?)
}

/// Records a value of an older system, unless one was ever recorded. Returns whether it did.
pub async fn insert_first(connection: &mut PgConnection, value: i64) -> Result<bool, Error> {
    let query = sqlx::query!(
        "INSERT INTO simulator_latest (server_id, arrival, value)
         SELECT 0, nextval('simulator_latest_arrival_seq'), $1
         WHERE NOT EXISTS (SELECT FROM simulator_latest)",
        value,
    );
    Ok(query.execute(connection).await?.rows_affected() == 1)
}
