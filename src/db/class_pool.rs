//! The connections and the queue of each class of statements.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    bounds::{Class, PoolSettings, ReadBounds, Shares},
    connection_settings::{self, Timeout},
    error::Error,
    slots::Slots,
};
use crate::telemetry::saturation::{AcquireMetrics, QueueState};

/// The pool pings a connection before use if it was idle for longer than this. After a restart of
/// PostgreSQL, only requests on connections that were used within this time fail.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The longest that a connection may hold a transaction open without a statement.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// Time for the network, in addition to the time-outs of the pool and of PostgreSQL.
const NETWORK_MARGIN: Duration = Duration::from_secs(1);

/// The queues of the classes without a setting. Their statements take about 0.1 to 5 ms.
const LOOK_UP_QUEUE: usize = 1_024;
const SIMULATOR_READ_QUEUE: usize = 1_024;

/// The connections and the queue of one class.
#[derive(Debug)]
pub(super) struct ClassPool {
    pub(super) pool: PgPool,
    /// Statements that run or wait.
    places: Semaphore,
    /// Statements that run.
    running: Semaphore,
    acquire_timeout: Duration,
    timeout: Duration,
    rejected: AtomicU64,
    concurrency: usize,
    queue: usize,
    metrics: AcquireMetrics,
}

impl ClassPool {
    fn new(
        class: Class,
        pool: PgPool,
        concurrency: u32,
        queue: usize,
        (acquire, statement): (Duration, Duration),
    ) -> Self {
        let places = (concurrency as usize).saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Self {
            pool,
            places: Semaphore::new(places),
            running: Semaphore::new(concurrency as usize),
            acquire_timeout: acquire,
            timeout: acquire + statement + NETWORK_MARGIN,
            rejected: AtomicU64::new(0),
            concurrency: concurrency as usize,
            queue,
            metrics: AcquireMetrics::of(class.name()),
        }
    }

    /// The statements that wait for others of this class.
    pub(super) fn queue_state(&self, name: &'static str) -> QueueState {
        let places = self.concurrency.saturating_add(self.queue).min(Semaphore::MAX_PERMITS);
        let present = places - self.places.available_permits();
        let running = self.concurrency - self.running.available_permits();
        let limit = Some(self.queue).filter(|limit| *limit < Semaphore::MAX_PERMITS);
        // The two counters are read one after the other.
        QueueState { name, waiting: present.saturating_sub(running), limit }
    }

    /// The time-out of a statement, including the wait for a connection.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The number of statements rejected because the queue was full.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Runs a statement. Returns [`Error::QueueFull`] at once if too many statements of this class
    /// wait.
    pub(super) async fn run<T>(
        &self,
        statement: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Ok(_place) = self.places.try_acquire() else {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return Err(Error::QueueFull);
        };
        let acquired = timeout(self.acquire_timeout, self.running.acquire()).await;
        // The semaphore is never closed.
        let Ok(Ok(_running)) = acquired else {
            self.metrics.timed_out();
            return Err(sqlx::Error::PoolTimedOut.into());
        };
        // PostgreSQL's own time-outs do not help when its host fails.
        match timeout(self.timeout, statement).await {
            Ok(result) => result,
            Err(_) => Err(Error::Unresponsive),
        }
    }
}

/// The pools of all classes.
#[derive(Debug)]
pub(super) struct ClassPools {
    pools: [ClassPool; Class::ALL.len()],
    /// Each pool of connections once, though classes share some.
    distinct: Vec<PgPool>,
    slots: Arc<Slots>,
}

impl ClassPools {
    /// Creates the pools without opening a connection.
    pub(super) fn new(options: &PgConnectOptions, settings: &PoolSettings) -> Self {
        match Shares::of(settings.max_connections, &settings.reads) {
            Some(shares) => Self::separate(options, settings, shares),
            None => Self::shared(options, settings),
        }
    }

    fn separate(options: &PgConnectOptions, settings: &PoolSettings, shares: Shares) -> Self {
        let acquire = settings.acquire_timeout;
        let reads = &settings.reads;
        let commands = open(options, settings, shares.commands, settings.statement_timeout);
        let simulator = open(options, settings, shares.simulator_reads, settings.statement_timeout);
        let of = |class, bounds: &ReadBounds, share| {
            let pool = open(options, settings, share, bounds.statement_timeout);
            let timeouts = (acquire, bounds.statement_timeout);
            ClassPool::new(class, pool, share, bounds.queue, timeouts)
        };
        let timeouts = (acquire, settings.statement_timeout);
        let pools = [
            ClassPool::new(
                Class::Commands,
                commands.clone(),
                shares.commands,
                usize::MAX,
                timeouts,
            ),
            ClassPool::new(
                Class::LookUps,
                commands,
                shares.commands.div_ceil(2),
                LOOK_UP_QUEUE,
                timeouts,
            ),
            ClassPool::new(
                Class::SimulatorReads,
                simulator,
                shares.simulator_reads,
                SIMULATOR_READ_QUEUE,
                timeouts,
            ),
            of(Class::Search, &reads.search, shares.search),
            of(Class::Timelines, &reads.timelines, shares.timelines),
            of(Class::Lists, &reads.lists, shares.lists),
        ];
        // Look-ups use the connections of commands.
        let own = Class::ALL.iter().zip(&pools).filter(|(class, _)| **class != Class::LookUps);
        let distinct = own.map(|(_, it)| it.pool.clone()).collect();
        Self { pools, distinct, slots: Arc::default() }
    }

    /// Two pools: one for all reads, one for everything else.
    fn shared(options: &PgConnectOptions, settings: &PoolSettings) -> Self {
        let reads = &settings.reads;
        let bounds = [&reads.search, &reads.timelines, &reads.lists];
        let longest = bounds.iter().map(|it| it.statement_timeout).max().unwrap_or_default();
        let share = (settings.max_connections / 2).max(1);
        let commands = settings.max_connections.saturating_sub(share).max(1);
        let command_pool = open(options, settings, commands, settings.statement_timeout);
        let read_pool = open(options, settings, share, longest);
        let timeouts = (settings.acquire_timeout, settings.statement_timeout);
        let read = |class, queue| {
            ClassPool::new(
                class,
                read_pool.clone(),
                share,
                queue,
                (settings.acquire_timeout, longest),
            )
        };
        let pools = [
            ClassPool::new(Class::Commands, command_pool.clone(), commands, usize::MAX, timeouts),
            ClassPool::new(Class::LookUps, command_pool.clone(), commands, LOOK_UP_QUEUE, timeouts),
            read(Class::SimulatorReads, SIMULATOR_READ_QUEUE),
            read(Class::Search, reads.search.queue),
            read(Class::Timelines, reads.timelines.queue),
            read(Class::Lists, reads.lists.queue),
        ];
        Self { pools, distinct: vec![command_pool, read_pool], slots: Arc::default() }
    }

    pub(super) fn of(&self, class: Class) -> &ClassPool {
        &self.pools[class as usize]
    }

    /// Takes a connection for a statement of this class that has waited since `begun`.
    pub(super) async fn acquire(
        &self,
        class: Class,
        begun: Instant,
    ) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let ClassPool { pool, metrics, .. } = self.of(class);
        let acquired = self.slots.acquire(pool, &self.distinct).await;
        match &acquired {
            Ok(_) => metrics.acquired(begun.elapsed()),
            Err(sqlx::Error::PoolTimedOut) => metrics.timed_out(),
            Err(_) => {}
        }
        acquired
    }

    pub(super) fn distinct(&self) -> &[PgPool] {
        &self.distinct
    }
}

fn open(
    options: &PgConnectOptions,
    settings: &PoolSettings,
    connections: u32,
    statement_timeout: Duration,
) -> PgPool {
    let timeouts = [
        ("statement_timeout", statement_timeout.as_millis()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis()),
        // The time-out of the statement includes its waits for locks.
        ("lock_timeout", 0),
        // The pool closes idle connections itself.
        ("idle_session_timeout", 0),
    ];
    let pool = pool_options(settings.acquire_timeout, timeouts).max_connections(connections);
    pool.connect_lazy_with(connect_options(options.clone(), &timeouts))
}

/// Options of each connection.
fn connect_options(options: PgConnectOptions, timeouts: &[Timeout]) -> PgConnectOptions {
    let options = connection_settings::request(options, timeouts);
    options.application_name("minitwit").disable_statement_logging().options([
        // Compilation costs more than it saves: every query is a short index scan.
        ("jit", "off"),
        // Starting workers takes longer than a query, and a request must not occupy several processors.
        ("max_parallel_workers_per_gather", "0"),
        // Each query has one right plan for all parameters; planning once saves time.
        ("plan_cache_mode", "force_generic_plan"),
    ])
}

/// Options of each pool.
fn pool_options(acquire_timeout: Duration, timeouts: [Timeout; 4]) -> PgPoolOptions {
    PgPoolOptions::new()
        .acquire_timeout(acquire_timeout)
        .after_connect(move |connection, _| {
            Box::pin(
                async move { Ok(connection_settings::establish(connection, &timeouts).await?) },
            )
        })
        .idle_timeout(Duration::from_secs(600))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                let recently_used = meta.idle_for < PING_AFTER_IDLE;
                Ok(recently_used || connection.ping().await.is_ok())
            })
        })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::db::bounds::ReadSettings;

    #[tokio::test]
    async fn a_statement_above_the_queue_is_rejected_at_once_and_other_classes_are_not() {
        let timeout = Duration::from_secs(60);
        let mut reads = ReadSettings::with_timeout(timeout);
        reads.search = ReadBounds { connections: Some(1), queue: 1, ..reads.search };
        let settings = PoolSettings {
            max_connections: 16,
            acquire_timeout: timeout,
            statement_timeout: timeout,
            reads,
        };
        let pools = ClassPools::new(&PgConnectOptions::new_without_pgpass(), &settings);
        let search = pools.of(Class::Search);
        tokio::select! {
            biased;
            _ = search.run(pending::<Result<(), _>>()) => unreachable!("it runs"),
            _ = search.run(pending::<Result<(), _>>()) => unreachable!("it waits"),
            rejected = search.run(async { Ok(()) }) => {
                assert!(matches!(rejected, Err(Error::QueueFull)), "{rejected:?}");
                for class in Class::ALL.into_iter().filter(|class| *class != Class::Search) {
                    assert!(pools.of(class).run(async { Ok(()) }).await.is_ok(), "{class:?}");
                }
            }
        }
        // Both statements were cancelled and have left their places.
        assert!(search.run(async { Ok(()) }).await.is_ok());
        assert_eq!(search.rejected(), 1);
    }
}
