//! Passes records from a thread that reads the source to the task that inserts rows.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::{JoinHandle, spawn_blocking},
};

use super::error::Error;

/// Batches that wait for the task. While the database inserts one, the thread reads the next.
const QUEUE: usize = 1;

/// When a batch is complete.
#[derive(Clone)]
pub(super) struct Limits {
    /// Records. The task may change the number: it holds for the batch that is being read.
    pub(super) records: Arc<AtomicUsize>,
    /// Bytes of records, so that memory stays constant.
    pub(super) bytes: usize,
}

/// The batches of records, in the order of the source.
pub(super) struct Stream<T> {
    batches: Receiver<Vec<T>>,
    thread: JoinHandle<Result<(), legacy_data::Error>>,
}

/// Collects records into batches, in the reading thread.
pub(super) struct Sink<T> {
    sender: Sender<Vec<T>>,
    limits: Limits,
    batch: Vec<T>,
    bytes: usize,
}

/// The receiver is gone, so reading can end.
pub(super) struct Closed;

impl<T: Send + 'static> Stream<T> {
    /// Starts a thread that reads records into the sink.
    pub(super) fn start(
        limits: Limits,
        read: impl FnOnce(&mut Sink<T>) -> Result<(), legacy_data::Error> + Send + 'static,
    ) -> Self {
        let (sender, batches) = channel(QUEUE);
        let thread = spawn_blocking(move || {
            let mut sink = Sink { sender, limits, batch: Vec::new(), bytes: 0 };
            read(&mut sink)?;
            let _ = sink.send();
            Ok(())
        });
        Self { batches, thread }
    }

    /// The next batch; `None` after the last.
    ///
    /// Returns an error if the source cannot be read any further.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        match self.batches.recv().await {
            Some(batch) => Ok(Some(batch)),
            None => {
                (&mut self.thread).await.map_err(Error::ThreadFailed)??;
                Ok(None)
            }
        }
    }
}

impl<T> Sink<T> {
    /// Adds a record of about this size.
    pub(super) fn push(&mut self, record: T, bytes: usize) -> Result<(), Closed> {
        self.batch.push(record);
        self.bytes += bytes;
        let records = self.limits.records.load(Ordering::Relaxed);
        if self.batch.len() >= records || self.bytes >= self.limits.bytes {
            self.send()
        } else {
            Ok(())
        }
    }

    fn send(&mut self) -> Result<(), Closed> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(batch).map_err(|_| Closed)
    }
}
