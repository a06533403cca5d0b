//! The simulator's `latest`, written once for many requests.
//!
//! Each request records its value, and the last one recorded wins. One task writes the last value
//! to this process's row of the table. A request completes once a write has committed that began
//! after its value was recorded. Under load, one write completes all requests that arrived during
//! the previous write.
//!
//! A [`super::batch`] would not do. It drops requests that time out in its queue, but a recorded
//! value must not be lost. It also starts as soon as a worker is free, whereas under load a write
//! that waits for [`WRITE_INTERVAL`] completes more requests.
//!
//! The crate `models` has the model, and the tests replay it on this code.

mod row;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::MissedTickBehavior,
};

use super::error::Error;
use crate::db::{self, Class, Database, simulator_latest};
use row::{Row, WriteValue};

/// The number of requests in flight up to which a write begins at once. Their own statements keep
/// PostgreSQL less busy than it is under load, and each would wait for a delayed write.
const FEW_IN_FLIGHT: usize = 4;

/// The shortest time between the starts of two writes while more requests are in flight. It limits
/// their load on PostgreSQL. Most of these requests also wait longer for their own statements.
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
    in_flight: AtomicUsize,
}

#[derive(Default, Clone, Copy)]
struct Last {
    value: i64,
    /// The number of values recorded so far, which identifies this one.
    number: u64,
}

/// The outcomes of all writes so far. Both numbers are kept, because a request may look only after a
/// later write than its own has ended.
#[derive(Default)]
struct Written {
    /// The number of the last value that was written.
    succeeded: u64,
    /// The number of the last value whose write failed.
    failed: u64,
    failure: Option<Arc<db::Error>>,
}

/// A recorded value whose write may not have been committed yet. The request is in flight until
/// this is dropped.
pub struct PendingWrite {
    number: u64,
    written: watch::Receiver<Written>,
    recorded: Arc<Recorded>,
}

impl Latest {
    pub(super) fn start(database: Database) -> Self {
        let row = Row::new(database.clone());
        Self::write_to(row, database)
    }

    fn write_to(row: impl WriteValue, database: Database) -> Self {
        let recorded = Arc::new(Recorded::default());
        let (outcome, written) = watch::channel(Written::default());
        tokio::spawn(write_values(row, Arc::clone(&recorded), outcome));
        Self { database, recorded, written }
    }

    pub(super) async fn value(&self) -> Result<i64, Error> {
        let database = self.database.for_class(Class::LookUps);
        Ok(simulator_latest::value(&database).await?.unwrap_or(-1))
    }

    pub(super) fn record(&self, value: i64) -> PendingWrite {
        let recorded = Arc::clone(&self.recorded);
        recorded.in_flight.fetch_add(1, Ordering::Relaxed);
        let number = {
            let mut last = recorded.lock();
            *last = Last { value, number: last.number + 1 };
            last.number
        };
        recorded.arrived.notify_one();
        PendingWrite { number, written: self.written.clone(), recorded }
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
    pub async fn written(&self) -> Result<(), Error> {
        let mut outcomes = self.written.clone();
        let is_decided = |it: &Written| it.succeeded.max(it.failed) >= self.number;
        // The writing task ends only with the service.
        let written = outcomes.wait_for(is_decided).await.map_err(|_| Error::Abandoned)?;
        match &written.failure {
            Some(failure) if written.succeeded < self.number => {
                Err(Error::Shared(Arc::clone(failure)))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for PendingWrite {
    fn drop(&mut self) {
        self.recorded.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes the last recorded value after each arrival, until the service is dropped.
async fn write_values(
    mut row: impl WriteValue,
    recorded: Arc<Recorded>,
    outcome: watch::Sender<Written>,
) {
    let mut done = 0;
    // Ticks keep their rhythm. A sleep would end up to 1 ms late, and the next one later still.
    let mut interval = tokio::time::interval(WRITE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = recorded.arrived.notified() => {}
            () = outcome.closed() => break,
        }
        // An earlier write may have gathered the value that arrived.
        if recorded.lock().number == done {
            continue;
        }
        if recorded.in_flight.load(Ordering::Relaxed) > FEW_IN_FLIGHT {
            interval.tick().await;
        } else {
            interval.reset();
        }
        let last = *recorded.lock();
        let result = row.write(last.value).await;
        let succeeded = result.is_ok();
        done = last.number;
        outcome.send_modify(|written| match result {
            Ok(()) => written.succeeded = last.number,
            Err(error) => {
                (written.failed, written.failure) = (last.number, Some(Arc::new(error)));
            }
        });
        if succeeded {
            row.tidy().await;
        }
    }
}
