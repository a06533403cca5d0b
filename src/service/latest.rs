//! The simulator's `latest`, written once for many requests.
//!
//! Each request records its value, and the last one recorded wins. One task writes the last value
//! to this process's row of the table. A request completes once a write has committed that began
//! after its value was recorded. Under load, one write completes all requests that arrived during
//! the previous write.
//!
//! A [`super::batch`] would not do. It drops requests that time out in its queue, but a recorded
//! value must not be lost. It also starts as soon as a worker is free, whereas a write that waits
//! for [`WRITE_INTERVAL`] completes more requests.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::MissedTickBehavior,
};

use super::error::Error;
use crate::db::{self, Class, Database, simulator_latest};

/// The shortest time between the starts of two writes, which limits their load on PostgreSQL. Most
/// requests also wait for a statement that takes longer than this.
const WRITE_INTERVAL: Duration = Duration::from_millis(2);

pub(super) struct Latest {
    database: Database,
    recorded: Arc<Recorded>,
    written: watch::Receiver<Written>,
}

#[derive(Default)]
struct Recorded {
    last: Mutex<Last>,
    arrived: Notify,
}

#[derive(Default, Clone, Copy)]
struct Last {
    value: i64,
    /// The number of values recorded so far, which identifies this one.
    number: u64,
}

#[derive(Clone)]
struct Written {
    /// The number of the last value whose write has succeeded or failed.
    number: u64,
    failure: Option<Arc<db::Error>>,
}

/// A recorded value whose write may not have been committed yet.
pub struct PendingWrite {
    number: u64,
    written: watch::Receiver<Written>,
}

impl Latest {
    pub(super) fn start(database: Database) -> Self {
        let recorded = Arc::new(Recorded::default());
        let (outcome, written) = watch::channel(Written { number: 0, failure: None });
        tokio::spawn(write_values(database.clone(), Arc::clone(&recorded), outcome));
        Self { database, recorded, written }
    }

    pub(super) async fn value(&self) -> Result<i64, Error> {
        let database = self.database.for_class(Class::LookUps);
        Ok(simulator_latest::value(&database).await?.unwrap_or(-1))
    }

    pub(super) fn record(&self, value: i64) -> PendingWrite {
        let number = {
            let mut last = self.recorded.lock();
            *last = Last { value, number: last.number + 1 };
            last.number
        };
        self.recorded.arrived.notify_one();
        PendingWrite { number, written: self.written.clone() }
    }
}

impl Recorded {
    fn lock(&self) -> MutexGuard<'_, Last> {
        // No code panics while it holds the lock.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingWrite {
    /// Waits until every replica shows the value or a later one.
    pub async fn written(mut self) -> Result<(), Error> {
        // The writing task ends only with the service.
        let written = self.written.wait_for(|written| written.number >= self.number).await;
        match &written.map_err(|_| Error::Abandoned)?.failure {
            None => Ok(()),
            Some(failure) => Err(Error::Shared(Arc::clone(failure))),
        }
    }
}

/// Writes the last recorded value after each arrival, until the service is dropped.
async fn write_values(
    database: Database,
    recorded: Arc<Recorded>,
    outcome: watch::Sender<Written>,
) {
    let server_id: i64 = rand::random();
    let mut tidied = false;
    let mut interval = tokio::time::interval(WRITE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = recorded.arrived.notified() => {}
            () = outcome.closed() => break,
        }
        interval.tick().await;
        let last = *recorded.lock();
        let failure = simulator_latest::record(&database, server_id, last.value).await.err();
        let succeeded = failure.is_none();
        outcome.send_replace(Written { number: last.number, failure: failure.map(Arc::new) });
        if succeeded && !tidied {
            // Once per process, so that the rows of earlier processes do not accumulate.
            tidied = simulator_latest::forget_superseded(&database).await.is_ok();
        }
    }
}
