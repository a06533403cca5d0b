//! The shared state of the service, and the operations that delegate to one part of it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OnceCell, watch};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{
    batch::Batch,
    error::Error,
    follows::statement::InsertFollows,
    latest::{Latest, PendingWrite},
    limits::{Limits, RateLimits},
    live::{Live, StreamSettings, SubscribeRequest, Subscription},
    messages::statements::{InsertMessages, ListNewest},
    passwords::{PasswordSettings, Passwords},
    readiness::{NotReady, Readiness},
    settling::Settling,
    token_uses::TokenUses,
};
use crate::{
    db::{Class, Database},
    domain::{Instance, PasswordRules},
    telemetry::{metrics, saturation},
};

/// Settings of the operations.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How passwords are hashed.
    pub passwords: PasswordSettings,
    /// What is required of new passwords.
    pub password_rules: PasswordRules,
    /// How long a session lasts after its last use.
    pub session_lifetime: Duration,
    /// The rate limits.
    pub limits: RateLimits,
    /// How streams are served.
    pub streams: StreamSettings,
}

/// All operations and their shared state; clones share it.
#[derive(Clone)]
pub struct Service {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) database: Database,
    pub(super) passwords: Passwords,
    pub(super) latest: Latest,
    pub(super) limits: Limits,
    pub(super) posts: Batch<InsertMessages>,
    pub(super) follows: Batch<InsertFollows>,
    pub(super) listings: Batch<ListNewest>,
    pub(super) settling: Settling,
    pub(super) public_version: watch::Sender<u64>,
    pub(super) live: Live,
    pub(super) readiness: Readiness,
    pub(super) token_uses: TokenUses,
    pub(super) tasks: TaskTracker,
    pub(super) password_rules: PasswordRules,
    pub(super) session_lifetime: Duration,
    pub(super) instance: OnceCell<Instance>,
}

impl Service {
    /// Creates the operations on `database`. Must be called within a tokio runtime.
    pub fn new(database: Database, settings: &Settings) -> Self {
        let tasks = TaskTracker::new();
        let public_version = watch::Sender::new(0);
        let insert_messages = InsertMessages { public_version: public_version.clone() };
        let inner = Inner {
            passwords: Passwords::new(&settings.passwords),
            latest: Latest::start(database.clone()),
            token_uses: TokenUses::start(database.clone()),
            limits: Limits::new(&settings.limits),
            settling: Settling::default(),
            posts: Batch::new(insert_messages, database.clone(), tasks.clone()),
            follows: Batch::new(InsertFollows, database.clone(), tasks.clone()),
            listings: Batch::new(
                ListNewest,
                database.for_class(Class::SimulatorReads),
                tasks.clone(),
            ),
            live: Live::new(
                database.clone(),
                settings.streams.clone(),
                public_version.clone(),
                tasks.clone(),
            ),
            readiness: Readiness::default(),
            public_version,
            tasks,
            password_rules: settings.password_rules,
            session_lifetime: settings.session_lifetime,
            instance: OnceCell::new(),
            database,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Checks that this program can use the database's schema and that the database accepts writes.
    pub async fn check_readiness(&self) -> Result<(), NotReady> {
        self.inner.readiness.check(self.database()).await
    }

    /// What is required of new passwords, except those of the simulator.
    #[must_use]
    pub fn password_rules(&self) -> &PasswordRules {
        &self.inner.password_rules
    }

    /// Updates the metrics of the database pool and of the queues.
    pub fn record_saturation(&self) {
        let pool = self.database().state();
        metrics::pool(pool.connections, pool.idle, pool.max);
        for (class, statements) in self.database().rejected() {
            metrics::statements_rejected(class.name(), statements);
        }
        let inner = &self.inner;
        let batches = [
            inner.posts.state("batch_posts"),
            inner.follows.state("batch_follows"),
            inner.listings.state("batch_listings"),
        ];
        let queues = self.database().queues().chain(inner.passwords.queues()).chain(batches);
        queues.chain(inner.live.queue()).for_each(saturation::queue);
    }

    /// Records a request's `latest` without waiting. [`PendingWrite::written`] waits for the
    /// commit.
    pub fn record_latest(&self, value: i64) -> PendingWrite {
        self.inner.latest.record(value)
    }

    /// The current `latest`; -1 before the first value.
    pub async fn latest(&self) -> Result<i64, Error> {
        self.inner.latest.value().await
    }

    /// Opens a stream.
    ///
    /// Returns an error if too many are open or if the server is shutting down.
    pub async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, Error> {
        self.inner.live.subscribe(request).await
    }

    /// Ends all streams and rejects new ones, so that a shutdown does not wait for them.
    pub fn end_streams(&self) {
        self.inner.live.close();
    }

    /// Ends all streams, waits for running writes, and closes the pool. Call it when no request is
    /// in flight.
    pub async fn shut_down(&self) {
        self.end_streams();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        self.inner.token_uses.flush().await;
        self.database().close().await;
    }

    /// The database for commands.
    pub(super) fn database(&self) -> &Database {
        &self.inner.database
    }

    /// The database for statements of a class of reads, which has bounds of its own.
    pub(super) fn reads(&self, class: Class) -> Database {
        self.inner.database.for_class(class)
    }

    /// Runs `write` to completion, even if the caller is cancelled.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let task = self.inner.tasks.spawn(write.in_current_span());
        task.await.map_err(Error::TaskFailed)?
    }
}
