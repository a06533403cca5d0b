//! The last use of each bearer token, recorded apart from the requests.
//!
//! A request with a token only notes the token's id, and only if no use within [`MAX_AGE`] is
//! recorded. One task writes the noted ids in one statement. So each token is written at most once
//! per [`MAX_AGE`], and no request waits for it. A crash, or a database that fails, loses uses.

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
    noted: Arc<Noted>,
    /// Ends the task.
    _stop: DropGuard,
}

#[derive(Default)]
struct Noted {
    tokens: Mutex<BTreeSet<TokenId>>,
    arrived: Notify,
}

impl TokenUses {
    pub(super) fn start(database: Database) -> Self {
        let noted = Arc::<Noted>::default();
        let stop = CancellationToken::new();
        tokio::spawn(write_uses(database, Arc::clone(&noted), stop.clone()));
        Self { noted, _stop: stop.drop_guard() }
    }

    /// Notes a use of `token`, without waiting.
    pub(super) fn note(&self, token: TokenId) {
        if self.noted.lock().insert(token) {
            self.noted.arrived.notify_one();
        }
    }
}

impl Noted {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<TokenId>> {
        // No code panics while it holds the lock.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the noted uses until the service is dropped. Logs only the first of consecutive failures.
async fn write_uses(database: Database, noted: Arc<Noted>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(WRITE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = noted.arrived.notified() => {}
            () = stop.cancelled() => break,
        }
        interval.tick().await;
        let tokens: Vec<TokenId> = mem::take(&mut *noted.lock()).into_iter().collect();
        if tokens.is_empty() {
            continue;
        }
        let written = api_tokens::record_uses(&database, &tokens, MAX_AGE).await;
        if let Err(error) = &written
            && !failing
        {
            tracing::warn!(error = with_causes(error), "cannot record the last use of tokens");
        }
        failing = written.is_err();
    }
}
