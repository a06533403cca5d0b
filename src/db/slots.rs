//! Connections when PostgreSQL has fewer than the pools may open.
//!
//! sqlx's pool tries to open a connection until the time-out, although others become idle. So a request that waits also
//! looks for idle connections: of its own pool, and then of other pools, which give theirs up.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgPool},
};
use tokio::time::{sleep, timeout};

use super::error::is_no_slot;

/// How often a waiting request looks for an idle connection.
const LOOK: Duration = Duration::from_millis(20);
/// How long a request waits before it asks why, or takes a connection from another pool.
const PATIENCE: Duration = Duration::from_millis(100);
/// The shortest time between two attempts to find out why there is no connection.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time of one attempt.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// For how long after a rejected connection a shortage is assumed.
const SHORTAGE: Duration = Duration::from_secs(5);

/// Whether PostgreSQL has too few connections.
#[derive(Debug, Default)]
pub(super) struct Slots {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rejected_at: Option<Instant>,
    probed_at: Option<Instant>,
    logged: bool,
}

impl Slots {
    /// Takes a connection of `pool`. During a shortage, an idle one of `all` pools gives its place up.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        pool: &PgPool,
        all: &[PgPool],
    ) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let acquired = timeout(pool.options().get_acquire_timeout(), self.wait(pool, all)).await;
        acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn wait(
        self: &Arc<Self>,
        pool: &PgPool,
        all: &[PgPool],
    ) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        if self.lock().logged {
            // The end of a shortage is logged too, although requests no longer wait.
            self.probe(pool, all);
        }
        loop {
            let mut acquiring = Box::pin(pool.acquire());
            let began = Instant::now();
            loop {
                if let Ok(acquired) = timeout(LOOK, &mut acquiring).await {
                    return acquired;
                }
                if began.elapsed() >= PATIENCE {
                    self.probe(pool, all);
                }
                if !self.is_short() {
                    continue;
                }
                if pool.num_idle() > 0 {
                    break;
                }
                if began.elapsed() >= PATIENCE && give_up_idle(pool, all).await {
                    break;
                }
            }
        }
    }

    fn is_short(&self) -> bool {
        self.lock().rejected_at.is_some_and(|at| at.elapsed() < SHORTAGE)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds out in a task whether PostgreSQL rejects connections: sqlx keeps the reason to itself.
    fn probe(self: &Arc<Self>, pool: &PgPool, all: &[PgPool]) {
        {
            let mut state = self.lock();
            if state.probed_at.is_some_and(|at| at.elapsed() < PROBE_INTERVAL) {
                return;
            }
            state.probed_at = Some(Instant::now());
        }
        let (slots, options) = (Arc::clone(self), pool.connect_options());
        let max = all.iter().map(|pool| pool.options().get_max_connections()).sum();
        tokio::spawn(async move { slots.record(connect(&options).await, max) });
    }

    fn record(&self, connected: Result<(), sqlx::Error>, max: u32) {
        let mut state = self.lock();
        match connected {
            Err(error) if is_no_slot(&error) => {
                state.rejected_at = Some(Instant::now());
                if !state.logged {
                    state.logged = true;
                    let remedy = remedy(&error);
                    tracing::warn!(
                        cause = %error,
                        "PostgreSQL has too few connections; requests wait for those that are open. {remedy}, or lower \
                         --database-connections (MINITWIT_DATABASE_CONNECTIONS), which is {max}"
                    );
                }
            }
            // One success between rejections is no end: an idle connection may have given its place up.
            Ok(())
                if state.logged && state.rejected_at.is_none_or(|at| at.elapsed() >= SHORTAGE) =>
            {
                state.logged = false;
                tracing::info!("PostgreSQL has enough connections again");
            }
            // The pool reports other errors itself.
            _ => {}
        }
    }
}

async fn connect(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let connected = timeout(PROBE_TIMEOUT, options.connect()).await;
    connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))?.close().await
}

/// Closes an idle connection of the other pool that has most of them. Returns whether there was one.
async fn give_up_idle(pool: &PgPool, all: &[PgPool]) -> bool {
    let own = pool.connect_options();
    let is_other =
        |other: &&PgPool| !Arc::ptr_eq(&other.connect_options(), &own) && other.num_idle() > 0;
    let Some(other) = all.iter().filter(is_other).max_by_key(|other| other.num_idle()) else {
        return false;
    };
    let Some(idle) = other.try_acquire() else { return false };
    // PostgreSQL frees the place shortly after.
    let closed = timeout(PATIENCE, idle.close()).await;
    sleep(LOOK).await;
    closed.is_ok()
}

/// What an operator can do. Messages may be translated, so the place in PostgreSQL's source tells.
pub(super) fn remedy(error: &sqlx::Error) -> &'static str {
    let error = error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
    match error.and_then(PgDatabaseError::routine) {
        Some("InitializeSessionUserId") => "Raise the role's limit (ALTER ROLE … CONNECTION LIMIT)",
        Some("CheckMyDatabase") => "Raise the database's limit (ALTER DATABASE … CONNECTION LIMIT)",
        _ => "Raise max_connections of PostgreSQL, or lower its reserved_connections",
    }
}
