//! The connection pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, IntoArguments, Postgres,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow},
    query::{Map, Query},
};

use super::{error::Error, migrations};

/// The pool pings a connection before use if it was idle for longer than this. After a restart of
/// PostgreSQL, only requests on connections that were used within this time fail.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// Time for the network, in addition to the time-outs of the pool and of PostgreSQL.
const NETWORK_MARGIN: Duration = Duration::from_secs(1);

/// Settings of a pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The maximum of connections.
    pub max_connections: u32,
    /// The longest wait for a connection.
    pub acquire_timeout: Duration,
    /// The longest that one statement may run (`statement_timeout`).
    pub statement_timeout: Duration,
}

/// The number of connections in a pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolState {
    /// Open connections.
    pub connections: u32,
    /// Open connections that no request uses.
    pub idle: usize,
    /// The maximum of connections.
    pub max: u32,
}

/// A handle on the database; clones share one pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    acquire_timeout: Duration,
    timeout: Duration,
    disk_was_full: Arc<AtomicBool>,
}

impl Database {
    /// Creates a pool without opening a connection.
    pub fn new(options: PgConnectOptions, settings: &PoolSettings) -> Self {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let options = options.application_name("minitwit").disable_statement_logging().options([
            ("statement_timeout", milliseconds(settings.statement_timeout)),
            ("idle_in_transaction_session_timeout", "10000".to_owned()),
            // Compilation costs more than it saves: every query is a short index scan.
            ("jit", "off".to_owned()),
            // Each query has one right plan for all parameters; planning once saves time.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .idle_timeout(Duration::from_secs(600))
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    let recently_used = meta.idle_for < PING_AFTER_IDLE;
                    Ok(recently_used || connection.ping().await.is_ok())
                })
            })
            .connect_lazy_with(options);
        let timeout = settings.acquire_timeout + settings.statement_timeout + NETWORK_MARGIN;
        let disk_was_full = Arc::default();
        Self { pool, acquire_timeout: settings.acquire_timeout, timeout, disk_was_full }
    }

    /// The longest wait for a connection.
    pub fn acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    /// The time-out of a statement, including the wait for a connection.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Checks that this program can use the database's schema.
    pub async fn check_schema(&self) -> Result<(), migrations::Error> {
        let check = async { migrations::check(&mut *self.pool.acquire().await?).await };
        match tokio::time::timeout(self.timeout, check).await {
            Ok(result) => result,
            Err(_) => Err(migrations::Error::Database(sqlx::Error::PoolTimedOut)),
        }
    }

    /// The current number of connections.
    pub fn state(&self) -> PoolState {
        PoolState {
            connections: self.pool.size(),
            idle: self.pool.num_idle(),
            max: self.pool.options().get_max_connections(),
        }
    }

    /// Closes each connection when its statement ends.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) async fn all<T, F, A>(&self, query: Map<'_, Postgres, F, A>) -> Result<Vec<T>, Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
        A: IntoArguments<Postgres> + Send,
    {
        self.with_timeout(query.fetch_all(&self.pool)).await
    }

    pub(super) async fn optional<T, F, A>(
        &self,
        query: Map<'_, Postgres, F, A>,
    ) -> Result<Option<T>, Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
        A: IntoArguments<Postgres> + Send,
    {
        self.with_timeout(query.fetch_optional(&self.pool)).await
    }

    pub(super) async fn one<T, F, A>(&self, query: Map<'_, Postgres, F, A>) -> Result<T, Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
        A: IntoArguments<Postgres> + Send,
    {
        self.with_timeout(query.fetch_one(&self.pool)).await
    }

    /// Returns the number of rows that a statement changed.
    pub(super) async fn execute<A>(&self, query: Query<'_, Postgres, A>) -> Result<u64, Error>
    where
        A: IntoArguments<Postgres> + Send,
    {
        Ok(self.with_timeout(query.execute(&self.pool)).await?.rows_affected())
    }

    /// PostgreSQL's own time-outs do not help when its host fails.
    async fn with_timeout<T>(
        &self,
        statement: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Error> {
        let Ok(result) = tokio::time::timeout(self.timeout, statement).await else {
            return Err(Error::Unresponsive);
        };
        result.map_err(|error| {
            let error = Error::from(error);
            if error.is_disk_full() {
                self.disk_was_full.store(true, Ordering::Relaxed);
            }
            error
        })
    }

    /// Whether a statement failed because the disk was full, and no large write has succeeded since.
    pub(super) fn disk_was_full(&self) -> bool {
        self.disk_was_full.load(Ordering::Relaxed)
    }

    pub(super) fn clear_disk_was_full(&self) {
        self.disk_was_full.store(false, Ordering::Relaxed);
    }
}
