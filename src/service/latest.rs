//! The simulator's `latest`, written for many requests at once.
//!
//! Each request notes its value, the last to arrive wins, and one task writes what was noted last
//! to this process's own row. A request is answered when a write that began after it noted its value
//! is done; under load one write answers for all the requests that arrived during the one before.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::MissedTickBehavior,
};

use super::{Error, Service};
use crate::db::{self, Database, simulator_latest};

/// The least time from one write's beginning to the next's. Shorter than the statement that most
/// requests wait for anyway, and long enough that the writes leave PostgreSQL to those statements.
const PACE: Duration = Duration::from_millis(2);

pub(super) struct Latest {
    noted: Arc<NotedValues>,
    written: watch::Receiver<Written>,
}

#[derive(Default)]
struct NotedValues {
    last: Mutex<Last>,
    arrived: Notify,
}

#[derive(Default, Clone, Copy)]
struct Last {
    value: i64,
    /// How many values have been noted; names the last one.
    number: u64,
}

#[derive(Clone)]
struct Written {
    /// The number of the last value that was written, or could not be.
    number: u64,
    failure: Option<Arc<db::Error>>,
}

/// A value that was noted and will be written.
pub struct PendingWrite {
    number: u64,
    written: watch::Receiver<Written>,
}

impl Latest {
    pub(super) fn start(database: Database) -> Self {
        let noted = Arc::new(NotedValues::default());
        let (outcome, written) = watch::channel(Written { number: 0, failure: None });
        tokio::spawn(write(database, Arc::clone(&noted), outcome));
        Self { noted, written }
    }

    fn note(&self, value: i64) -> PendingWrite {
        let number = {
            // A panic cannot happen while the lock is held; the value is whole in any case.
            let mut last = self.noted.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Last { value, number: last.number + 1 };
            last.number
        };
        self.noted.arrived.notify_one();
        PendingWrite { number, written: self.written.clone() }
    }
}

impl PendingWrite {
    /// Waits until the value, or one that arrived later, is what every replica shows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn written(mut self) -> Result<(), Error> {
        // The writing task lives as long as the process; without it nothing is ever written.
        let Ok(written) = self.written.wait_for(|written| written.number >= self.number).await
        else {
            return Err(Error::Abandoned);
        };
        match &written.failure {
            None => Ok(()),
            Some(failure) => Err(Error::Shared(Arc::clone(failure))),
        }
    }
}

impl Service {
    /// Takes note of a request's `latest`, now; the result tells when it is written.
    #[must_use]
    pub fn note_latest(&self, value: i64) -> PendingWrite {
        self.inner.latest.note(value)
    }

    /// The `latest` in force; -1 before any arrived.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest(&self) -> Result<i64, Error> {
        Ok(simulator_latest::value(self.database()).await?.unwrap_or(-1))
    }
}

/// Writes what was noted last, again and again, until nobody can note any more.
async fn write(database: Database, noted: Arc<NotedValues>, outcome: watch::Sender<Written>) {
    let server_id: i64 = rand::random();
    let mut tidy = false;
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !outcome.is_closed() {
        tokio::select! {
            () = noted.arrived.notified() => {}
            () = outcome.closed() => break,
        }
        pace.tick().await;
        let last = *noted.last.lock().unwrap_or_else(PoisonError::into_inner);
        let result = simulator_latest::record(&database, server_id, last.value).await;
        let failure = result.err().map(Arc::new);
        let written = failure.is_none();
        outcome.send_replace(Written { number: last.number, failure });
        if written && !tidy {
            // Once a process: its predecessors' rows, now superseded, would pile up.
            tidy = simulator_latest::forget_superseded(&database).await.is_ok();
        }
    }
}
