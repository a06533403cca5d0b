//! A handle on the database, and its connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    IntoArguments, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgRow},
    query::{Map, Query},
};

use super::{
    bounds::{Class, PoolSettings},
    class_pool::{ClassPool, ClassPools},
    error::Error,
    migrations,
};
use crate::telemetry::saturation::QueueState;

/// The number of connections in all pools.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolState {
    /// Open connections.
    pub connections: u32,
    /// Open connections that no request uses.
    pub idle: usize,
    /// The maximum of connections.
    pub max: u32,
}

/// A handle on the database, whose statements belong to one class. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Database {
    pools: Arc<ClassPools>,
    class: Class,
    acquire_timeout: Duration,
    disk_was_full: Arc<AtomicBool>,
}

impl Database {
    /// Creates the pools without opening a connection. The handle is for commands.
    pub fn new(options: PgConnectOptions, settings: &PoolSettings) -> Self {
        let pools = Arc::new(ClassPools::new(&options, settings));
        Self {
            pools,
            class: Class::Commands,
            acquire_timeout: settings.acquire_timeout,
            disk_was_full: Arc::default(),
        }
    }

    /// The same database for statements of another class.
    #[must_use]
    pub fn for_class(&self, class: Class) -> Self {
        Self { class, ..self.clone() }
    }

    /// The longest wait for a connection.
    pub fn acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    /// The time-out of a statement, including the wait for a connection.
    pub fn timeout(&self) -> Duration {
        self.class_pool().timeout()
    }

    /// Checks that this program can use the database's schema.
    pub async fn check_schema(&self) -> Result<(), migrations::Error> {
        let check =
            async { migrations::check(&mut *self.acquire_connection(Instant::now()).await?).await };
        match tokio::time::timeout(self.timeout(), check).await {
            Ok(result) => result,
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// Checks that the database has the objects that this program's migrations create.
    pub async fn check_objects(&self) -> Result<(), migrations::Error> {
        let check = async {
            migrations::check_objects(&mut *self.acquire_connection(Instant::now()).await?).await
        };
        match tokio::time::timeout(self.timeout(), check).await {
            Ok(result) => result,
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// The current number of connections.
    pub fn state(&self) -> PoolState {
        self.pools.distinct().iter().fold(PoolState::default(), |state, pool| PoolState {
            connections: state.connections + pool.size(),
            idle: state.idle + pool.num_idle(),
            max: state.max + pool.options().get_max_connections(),
        })
    }

    /// The number of statements of each class that were rejected because its queue was full.
    pub fn rejected(&self) -> impl Iterator<Item = (Class, u64)> {
        Class::ALL.into_iter().map(|class| (class, self.pools.of(class).rejected()))
    }

    /// The queue of each class of statements.
    pub fn queues(&self) -> impl Iterator<Item = QueueState> {
        Class::ALL.into_iter().map(|class| self.pools.of(class).queue_state(class.queue_name()))
    }

    /// Closes each connection when its statement ends.
    pub async fn close(&self) {
        for pool in self.pools.distinct() {
            pool.close().await;
        }
    }

    fn class_pool(&self) -> &ClassPool {
        self.pools.of(self.class)
    }

    pub(super) async fn all<T, F, A>(&self, query: Map<'_, Postgres, F, A>) -> Result<Vec<T>, Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
        A: IntoArguments<Postgres> + Send,
    {
        let begun = Instant::now();
        self.run(async { Ok(query.fetch_all(&mut *self.acquire(begun).await?).await?) }).await
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
        let begun = Instant::now();
        self.run(async { Ok(query.fetch_optional(&mut *self.acquire(begun).await?).await?) }).await
    }

    pub(super) async fn one<T, F, A>(&self, query: Map<'_, Postgres, F, A>) -> Result<T, Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
        A: IntoArguments<Postgres> + Send,
    {
        let begun = Instant::now();
        self.run(async { Ok(query.fetch_one(&mut *self.acquire(begun).await?).await?) }).await
    }

    /// Returns the number of rows that a statement changed.
    pub(super) async fn execute<A>(&self, query: Query<'_, Postgres, A>) -> Result<u64, Error>
    where
        A: IntoArguments<Postgres> + Send,
    {
        let begun = Instant::now();
        let run = self.run(async { Ok(query.execute(&mut *self.acquire(begun).await?).await?) });
        Ok(run.await?.rows_affected())
    }

    /// Without a connection the database is unavailable, whatever the cause: a proxy that closes the
    /// connection, garbage, a rejected password.
    async fn acquire(&self, begun: Instant) -> Result<PoolConnection<Postgres>, Error> {
        let acquired = self.acquire_connection(begun).await;
        acquired.map_err(|error| Error::Unavailable(error.into()))
    }

    async fn acquire_connection(
        &self,
        begun: Instant,
    ) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.pools.acquire(self.class, begun).await
    }

    /// Runs a statement of this database's class.
    ///
    /// The future of a statement takes kilobytes. It is on the heap, because the future of each request
    /// that may execute the statement would contain it, and be moved several times.
    fn run<T: Send>(
        &self,
        statement: impl Future<Output = Result<T, Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        let statement = Box::pin(statement);
        async move {
            let result = self.class_pool().run(statement).await;
            if result.as_ref().is_err_and(Error::is_disk_full) {
                self.disk_was_full.store(true, Ordering::Relaxed);
            }
            result
        }
    }

    /// Whether a statement failed because the disk was full, and no large write has succeeded since.
    pub(super) fn disk_was_full(&self) -> bool {
        self.disk_was_full.load(Ordering::Relaxed)
    }

    pub(super) fn clear_disk_was_full(&self) {
        self.disk_was_full.store(false, Ordering::Relaxed);
    }
}
