//! Applies one migration over an sqlx connection, in a transaction or outside, without blocking requests.

use std::time::{Duration, Instant};

use refinery_core::{
    Migration,
    traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::outside_transaction::{self, Statement};
use crate::db::cause::Cause;

/// Time-out of a transaction that waits for a table's lock. Later requests queue behind it. After 1 s
/// (`deadlock_timeout`) PostgreSQL looks for deadlocks and may cancel a request, so the migration stops waiting earlier.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '250ms'";
/// The pause before the next attempt, in which requests get the table's lock.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// The SQLSTATEs `lock_not_available` and `deadlock_detected`.
const TABLE_IN_USE: [&str; 2] = ["55P03", "40P01"];

/// Lets refinery use an sqlx connection.
pub(super) struct Adapter<'c> {
    connection: &'c mut PgConnection,
    /// How long each statement may wait for its tables.
    patience: Duration,
}

/// The statements of one commit.
#[derive(Clone, Copy)]
enum Unit<'q> {
    Transaction(&'q [&'q str]),
    /// A statement that PostgreSQL rejects within a transaction.
    Concurrent(&'q Statement),
}

impl AsyncTransaction for Adapter<'_> {
    type Error = Cause;

    /// Runs the statements of refinery, or a migration followed by the statement that records it.
    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Cause> {
        let queries: Vec<&str> = queries.collect();
        match queries.as_slice() {
            [migration, record] if outside_transaction::is_marked(migration) => {
                for statement in outside_transaction::statements(migration) {
                    if statement.is_concurrent() {
                        self.run(Unit::Concurrent(&statement)).await?;
                    } else {
                        self.run(Unit::Transaction(&[statement.text()])).await?;
                    }
                }
                self.run(Unit::Transaction(&[*record])).await?;
            }
            all => self.run(Unit::Transaction(all)).await?,
        }
        Ok(queries.len())
    }
}

impl<'c> Adapter<'c> {
    pub(super) fn new(connection: &'c mut PgConnection, patience: Duration) -> Self {
        Self { connection, patience }
    }
}

impl Adapter<'_> {
    /// Runs a unit, and retries while requests use its tables.
    async fn run(&mut self, unit: Unit<'_>) -> Result<(), sqlx::Error> {
        let began = Instant::now();
        loop {
            match self.attempt(unit).await {
                Err(error) if is_table_in_use(&error) && began.elapsed() < self.patience => {
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                done => return done,
            }
        }
    }

    async fn attempt(&mut self, unit: Unit<'_>) -> Result<(), sqlx::Error> {
        match unit {
            Unit::Transaction(queries) => {
                let mut transaction = self.connection.begin().await?;
                sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *transaction).await?;
                for query in queries {
                    // Safe: the texts are the program's migrations and refinery's own statements.
                    sqlx::raw_sql(AssertSqlSafe(*query)).execute(&mut *transaction).await?;
                }
                transaction.commit().await
            }
            Unit::Concurrent(statement) => {
                // The statement waits for old transactions, one after the other.
                set_lock_timeout(self.connection, self.patience).await?;
                let executed = statement.execute(self.connection).await;
                let reset = set_lock_timeout(self.connection, Duration::ZERO).await;
                // If both failed, the first failure is the cause.
                executed.and(reset)
            }
        }
    }
}

/// Sets the time-out of each wait for a lock; zero is none.
async fn set_lock_timeout(
    connection: &mut PgConnection,
    timeout: Duration,
) -> Result<(), sqlx::Error> {
    let milliseconds = timeout.as_millis().min(i32::MAX as u128).to_string();
    let query = sqlx::query("SELECT set_config('lock_timeout', $1, false)").bind(milliseconds);
    query.execute(connection).await.map(drop)
}

pub(super) fn is_table_in_use(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code());
    code.is_some_and(|code| TABLE_IN_USE.contains(&code.as_ref()))
}

impl AsyncQuery<Vec<Migration>> for Adapter<'_> {
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, Cause> {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(applied_migration).collect::<Result<_, _>>()?)
    }
}

impl AsyncMigrate for Adapter<'_> {}

/// A row of refinery's history: version, name, time (RFC 3339) and checksum (decimal), as text.
fn applied_migration(row: &sqlx::postgres::PgRow) -> Result<Migration, sqlx::Error> {
    let decode = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
    let applied_on: &str = row.try_get(2)?;
    let applied_on = OffsetDateTime::parse(applied_on, &Rfc3339).map_err(|e| decode(e.into()))?;
    let checksum: &str = row.try_get(3)?;
    let checksum = checksum.parse().map_err(|e: std::num::ParseIntError| decode(e.into()))?;
    Ok(Migration::applied(row.try_get(0)?, row.try_get(1)?, applied_on, checksum))
}
