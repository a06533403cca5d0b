//! The last use of each bearer token, recorded apart from the requests.
//!
//! A request with a token only notes the token's id, and only if no use within [`MAX_AGE`] is
//! recorded. One task writes the noted ids in one statement. So each token is written at most once
//! per [`MAX_AGE`], and no request waits for it. A shutdown writes the noted uses. A crash, or a
//! database that fails, loses uses.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    db::{Database, api_tokens},
    domain::TokenId,
    telemetry::request::with_causes,
};

/// How old a recorded use may be.
pub(super) const MAX_AGE: Duration = Duration::from_secs(60);
/// The shortest time between the starts of two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct TokenUses {
    database: Database,
    noted: Arc<Noted>,
    /// Ends the task.
    _stop: DropGuard,
}

#[derive(Default)]
struct Noted {
    tokens: Mutex<BTreeSet<TokenId>>,
    arrived: Notify,
    /// Whether the last write failed; locked during a write.
    failing: tokio::sync::Mutex<bool>,
}

impl TokenUses {
    pub(super) fn start(database: Database) -> Self {
        let noted = Arc::<Noted>::default();
        let stop = CancellationToken::new();
        tokio::spawn(write_uses(database.clone(), Arc::clone(&noted), stop.clone()));
        Self { database, noted, _stop: stop.drop_guard() }
    }

    /// Notes a use of `token`, without waiting.
    pub(super) fn note(&self, token: TokenId) {
        if self.noted.lock().insert(token) {
            self.noted.arrived.notify_one();
        }
    }

    /// Writes the noted uses at once. For a shutdown, after the last request.
    pub(super) async fn flush(&self) {
        self.noted.write(&self.database).await;
    }
}

impl Noted {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<TokenId>> {
        // No code panics while it holds the lock.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the noted uses. Logs only the first of consecutive failures.
    async fn write(&self, database: &Database) {
        // A flush waits for a write in progress, so that the uses are durable when it ends.
        let mut failing = self.failing.lock().await;
        let tokens: Vec<TokenId> = mem::take(&mut *self.lock()).into_iter().collect();
        if tokens.is_empty() {
            return;
        }
        let written = api_tokens::record_uses(database, &tokens, MAX_AGE).await;
        if let Err(error) = &written
            && !*failing
        {
            tracing::warn!(error = with_causes(error), "cannot record the last use of tokens");
        }
        *failing = written.is_err();
    }
}

/// Writes the noted uses until the service is dropped.
async fn write_uses(database: Database, noted: Arc<Noted>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(WRITE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = noted.arrived.notified() => {}
            () = stop.cancelled() => break,
        }
        interval.tick().await;
        noted.write(&database).await;
    }
}
