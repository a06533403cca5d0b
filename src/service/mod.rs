//! What MiniTwit does: one operation a use case, the same for the pages and for each API.
//!
//! May use `domain`, `db` and `telemetry`. Knows nothing of HTTP. Writes run as tasks of their own:
//! a client that hangs up does not undo half of what it asked for.

mod accounts;
mod batch;
mod counts;
mod error;
mod following;
mod latest;
mod limits;
mod live;
mod messages;
mod moderation;
mod passwords;
mod profiles;
mod search;
#[cfg(test)]
pub(crate) mod test_support;
mod timelines;
mod tokens;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub use error::{Error, Kind};
pub use latest::PendingWrite;
pub use limits::{Origin, PerMinute, RateLimits};
pub use live::{
    Credential, Listener, Render, StreamEvent, StreamSettings, SubscribeRequest, Timeline,
};
pub use passwords::PasswordSettings;
pub use tokens::NewToken;

use crate::db::{self, Database, PoolState};
use batch::Batch;
use following::Following;
use latest::Latest;
use limits::Limits;
use live::Feed;
use passwords::Passwords;
use timelines::{ListingNewest, Posting};

/// What the operations are tuned by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How passwords are hashed.
    pub passwords: PasswordSettings,
    /// How long a session lasts after its last use.
    pub session_lifetime: Duration,
    /// How often something may be tried.
    pub limits: RateLimits,
    /// How those who listen for new messages are served.
    pub streams: StreamSettings,
}

/// All operations, and what they share. Clones are handles on the same.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    passwords: Passwords,
    latest: Latest,
    limits: Limits,
    posts: Batch<Posting>,
    follows: Batch<Following>,
    listings: Batch<ListingNewest>,
    public_version: watch::Sender<u64>,
    feed: Feed,
    tasks: TaskTracker,
    session_lifetime: Duration,
}

impl Service {
    /// The operations on `database`. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(database: Database, settings: &Settings) -> Self {
        let tasks = TaskTracker::new();
        let public_version = watch::Sender::new(0);
        let posting = Posting { public_version: public_version.clone() };
        let inner = Inner {
            passwords: Passwords::new(&settings.passwords),
            latest: Latest::start(database.clone()),
            limits: Limits::new(&settings.limits),
            posts: Batch::new(posting, database.clone(), tasks.clone()),
            follows: Batch::new(Following, database.clone(), tasks.clone()),
            listings: Batch::new(ListingNewest, database.clone(), tasks.clone()),
            feed: Feed::new(
                database.clone(),
                settings.streams.clone(),
                public_version.clone(),
                tasks.clone(),
            ),
            public_version,
            tasks,
            session_lifetime: settings.session_lifetime,
            database,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whether the schema is one that this program works on.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn check_schema(&self) -> Result<(), db::migrations::Error> {
        self.database().check_schema().await
    }

    /// What the database pool holds now.
    #[must_use]
    pub fn pool_state(&self) -> PoolState {
        self.database().state()
    }

    /// Waits for the writes that run, and closes the pool. To be called when no request is left.
    pub async fn shut_down(&self) {
        self.end_streams();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        self.database().close().await;
    }

    fn database(&self) -> &Database {
        &self.inner.database
    }

    /// Runs `write` to its end, even when whoever waits for it goes away.
    async fn finish<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.inner.tasks.spawn(write).await.map_err(Error::TaskFailed)?
    }
}
