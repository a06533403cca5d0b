//! The pool of connections that every query goes through.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};

use super::{Error, migrations};

/// A connection that was idle for longer than this is tried before it is used again, so that a
/// restart of PostgreSQL costs requests only if it falls into the midst of load.
const PROBE_AFTER_IDLE: Duration = Duration::from_secs(1);

/// What an answer may take on its way, beyond the time-outs that PostgreSQL and the pool keep.
const NETWORK_MARGIN: Duration = Duration::from_secs(1);

/// How many connections, and how long to wait for what.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Connections at most.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement.
    pub statement_timeout: Duration,
}

/// What the pool holds at a moment.
#[derive(Debug, Clone, Copy)]
pub struct PoolState {
    /// Open connections.
    pub connections: u32,
    /// Those that nobody uses.
    pub idle: usize,
    /// How many may be open.
    pub max: u32,
}

/// A handle on the database; clones share one pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    acquire_timeout: Duration,
    patience: Duration,
}

impl Database {
    /// A pool on the database that `options` name. Nothing is connected yet.
    #[must_use]
    pub fn new(options: PgConnectOptions, settings: &PoolSettings) -> Self {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let options = options.application_name("minitwit").disable_statement_logging().options([
            ("statement_timeout", milliseconds(settings.statement_timeout)),
            ("idle_in_transaction_session_timeout", "10000".to_owned()),
            // The plans that the indexes are made for need no compilation.
            ("jit", "off".to_owned()),
            // Each has one plan that is right, which need not be looked for again.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .idle_timeout(Duration::from_secs(600))
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    let fresh = meta.idle_for < PROBE_AFTER_IDLE;
                    Ok(fresh || connection.ping().await.is_ok())
                })
            })
            .connect_lazy_with(options);
        let patience = settings.acquire_timeout + settings.statement_timeout + NETWORK_MARGIN;
        Self { pool, acquire_timeout: settings.acquire_timeout, patience }
    }

    /// How long a request waits for a connection.
    #[must_use]
    pub fn acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    /// The longest that a statement may take, with the wait for a connection.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether the schema is one that this program works on.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn check_schema(&self) -> Result<(), migrations::Error> {
        let check = async { migrations::check(&mut *self.pool.acquire().await?).await };
        match tokio::time::timeout(self.patience, check).await {
            Ok(checked) => checked,
            Err(_) => Err(migrations::Error::Database(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Waits for a statement, but not for ever: a host that is gone keeps no time-out.
    pub(super) async fn with_timeout<T>(
        &self,
        statement: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.patience, statement).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Error::Unresponsive),
        }
    }

    /// What the pool holds now.
    #[must_use]
    pub fn state(&self) -> PoolState {
        PoolState {
            connections: self.pool.size(),
            idle: self.pool.num_idle(),
            max: self.pool.options().get_max_connections(),
        }
    }

    /// Ends every connection, after the statements that run.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }
}
