//! Batches: under load, requests of one kind share SQL statements.
//!
//! A request that finds a free worker runs at once, in its own statement. Requests that arrive
//! while all workers are busy share the next statement. Sharing the round trip and the commit
//! multiplies throughput.
//!
//! The crate `models` has the model, and `replay` repeats it on this code.

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::error::Error;
use crate::{
    db::{self, Database},
    telemetry::saturation::QueueState,
};

/// The longest queue. At 100 requests per statement, working through it takes about 1 s, and the
/// simulator waits only 300 ms.
const MAX_QUEUE: usize = 8_192;

/// A statement that serves many requests at once.
pub(super) trait Statement: Send + Sync + 'static {
    type Request: Send + Sync + 'static;
    type Output: Send + 'static;

    const MAX_WEIGHT: usize;

    /// The most statements that run at once. One runs while another waits for the disk to commit;
    /// more would only make each batch smaller.
    const MAX_CONCURRENT: usize = 2;

    /// Whether the statement only reads. Then a worker skips requests whose clients have
    /// disconnected, which relieves an overloaded database.
    const READ_ONLY: bool = false;

    /// The cost of a request, in the unit of `MAX_WEIGHT`.
    fn weight(_request: &Self::Request) -> usize {
        1
    }

    /// Runs all requests or none. Returns one output per request, in order.
    fn run(
        &self,
        database: &Database,
        requests: &[Self::Request],
    ) -> impl Future<Output = Result<Vec<Self::Output>, db::Error>> + Send;
}

/// The queue of one kind of request, and its workers.
pub(super) struct Batch<S: Statement> {
    shared: Arc<Shared<S>>,
}

struct Shared<S: Statement> {
    statement: S,
    database: Database,
    tasks: TaskTracker,
    queue: Mutex<Queue<S>>,
}

struct Queue<S: Statement> {
    entries: VecDeque<Entry<S>>,
    next_number: u64,
    workers: usize,
}

struct Entry<S: Statement> {
    number: u64,
    request: S::Request,
    reply: Reply<S>,
    span: Span,
}

type Reply<S> = oneshot::Sender<Result<<S as Statement>::Output, Error>>;

impl<S: Statement> Batch<S> {
    /// Creates an empty queue. `tasks` tracks its workers.
    pub(super) fn new(statement: S, database: Database, tasks: TaskTracker) -> Self {
        let queue = Mutex::new(Queue { entries: VecDeque::new(), next_number: 0, workers: 0 });
        Self { shared: Arc::new(Shared { statement, database, tasks, queue }) }
    }

    /// The requests that wait for the next batch.
    pub(super) fn state(&self, name: &'static str) -> QueueState {
        QueueState { name, waiting: self.shared.queue().entries.len(), limit: Some(MAX_QUEUE) }
    }

    /// Runs `request` as part of a batch. A write runs even if the caller is cancelled.
    ///
    /// Returns [`Error::Overloaded`] if the queue is full, or if the request waits in it for longer than
    /// the pool's acquire time-out.
    pub(super) async fn submit(&self, request: S::Request) -> Result<S::Output, Error> {
        let (reply, mut result) = oneshot::channel();
        let (number, needs_worker) = self.shared.enqueue(request, reply)?;
        if needs_worker {
            self.shared.tasks.spawn(work(Arc::clone(&self.shared)));
        }
        let queue_timeout = self.shared.database.acquire_timeout();
        let result = match tokio::time::timeout(queue_timeout, &mut result).await {
            Ok(result) => result,
            Err(_) if self.shared.remove(number) => return Err(Error::Overloaded),
            // The statement is running already, and has its own time-out.
            Err(_) => result.await,
        };
        result.map_err(|_| Error::Abandoned)?
    }
}

impl<S: Statement> Shared<S> {
    fn queue(&self) -> MutexGuard<'_, Queue<S>> {
        // No code panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a request. Returns its number, and whether the caller has to spawn a worker.
    fn enqueue(&self, request: S::Request, reply: Reply<S>) -> Result<(u64, bool), Error> {
        let mut queue = self.queue();
        if queue.entries.len() >= MAX_QUEUE {
            return Err(Error::Overloaded);
        }
        let number = queue.next_number;
        queue.next_number += 1;
        queue.entries.push_back(Entry { number, request, reply, span: Span::current() });
        let needs_worker = queue.workers < S::MAX_CONCURRENT;
        queue.workers += usize::from(needs_worker);
        Ok((number, needs_worker))
    }

    /// Removes a request from the queue. Returns whether it was still there.
    fn remove(&self, number: u64) -> bool {
        let mut queue = self.queue();
        let index = queue.entries.binary_search_by_key(&number, |entry| entry.number);
        index.is_ok_and(|index| queue.entries.remove(index).is_some())
    }

    /// Dequeues the next batch. Returns `None` if the queue is empty; the worker must then end.
    fn next_batch(&self) -> Option<Vec<Entry<S>>> {
        let mut queue = self.queue();
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(entry) = queue.entries.pop_front() {
            if S::READ_ONLY && entry.reply.is_closed() {
                continue;
            }
            weight += S::weight(&entry.request);
            // A request that exceeds the limit alone is a batch of its own.
            if weight > S::MAX_WEIGHT && !batch.is_empty() {
                queue.entries.push_front(entry);
                break;
            }
            batch.push(entry);
        }
        if batch.is_empty() {
            queue.workers -= 1;
            return None;
        }
        Some(batch)
    }

    async fn run(&self, requests: &[S::Request], replies: Vec<Reply<S>>) {
        match self.statement.run(&self.database, requests).await {
            Ok(outputs) => {
                for (reply, output) in replies.into_iter().zip(outputs) {
                    let _ = reply.send(Ok(output));
                }
            }
            // One row caused the rollback: the other requests must not fail with it.
            Err(error) if requests.len() > 1 && error.allows_row_retry() => {
                self.run_one_by_one(requests, replies).await;
            }
            Err(error) => {
                let error = Arc::new(error);
                for reply in replies {
                    let _ = reply.send(Err(Error::Shared(Arc::clone(&error))));
                }
            }
        }
    }

    async fn run_one_by_one(&self, requests: &[S::Request], replies: Vec<Reply<S>>) {
        // After a failure of the database itself, each further request would wait for its time-out.
        let mut database_failure = None;
        for (request, reply) in requests.iter().zip(replies) {
            let result = match &database_failure {
                Some(error) => Err(Error::Shared(Arc::clone(error))),
                None => match self.statement.run(&self.database, slice::from_ref(request)).await {
                    Ok(mut outputs) => outputs.pop().ok_or(Error::Abandoned),
                    Err(error) if error.allows_row_retry() => Err(error.into()),
                    Err(error) => {
                        let error = database_failure.insert(Arc::new(error));
                        Err(Error::Shared(Arc::clone(error)))
                    }
                },
            };
            let _ = reply.send(result);
        }
    }
}

/// Runs batches until the queue is empty.
///
/// A batch runs in the span of its first request, so a panic is logged with that request's id. A
/// panic drops the replies, so each request of the batch fails and logs its own id.
async fn work<S: Statement>(shared: Arc<Shared<S>>) {
    while let Some(batch) = shared.next_batch() {
        let span = batch.first().map_or_else(Span::none, |entry| entry.span.clone());
        let (requests, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|entry| (entry.request, entry.reply)).unzip();
        let run = AssertUnwindSafe(shared.run(&requests, replies)).catch_unwind();
        let _ = run.instrument(span).await;
    }
}
