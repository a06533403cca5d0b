//! Batches: under load, requests of one kind share SQL statements.
//!
//! A request that finds a free worker runs at once, in its own statement. Requests that arrive
//! while all workers are busy share the next statement. Sharing the round trip and the commit
//! multiplies throughput.

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
use crate::db::{self, Database};

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::Semaphore, task::JoinHandle};

    use super::*;
    use crate::db::{PgConnectOptions, PoolSettings, ReadSettings};

    /// Doubles numbers without the database, one batch for each permit. Panics at 13.
    struct Doubling {
        permits: Arc<Semaphore>,
        sizes: Arc<Mutex<Vec<usize>>>,
    }

    impl Statement for Doubling {
        type Request = u32;
        type Output = u32;
        const MAX_WEIGHT: usize = 10;

        fn weight(request: &u32) -> usize {
            if *request >= 100 { 20 } else { 1 }
        }

        async fn run(&self, _: &Database, requests: &[u32]) -> Result<Vec<u32>, db::Error> {
            self.permits.acquire().await.expect("open").forget();
            self.sizes.lock().expect("no panic").push(requests.len());
            assert!(!requests.contains(&13), "13 panics");
            Ok(requests.iter().map(|request| request * 2).collect())
        }
    }

    /// A read-only statement that never runs.
    struct Reading;

    impl Statement for Reading {
        type Request = u32;
        type Output = ();
        const MAX_WEIGHT: usize = 10;
        const READ_ONLY: bool = true;

        async fn run(&self, _: &Database, _: &[u32]) -> Result<Vec<()>, db::Error> {
            unreachable!("no worker is started")
        }
    }

    fn database(timeout: Duration) -> Database {
        let settings = PoolSettings {
            max_connections: 2,
            acquire_timeout: timeout,
            statement_timeout: timeout,
            reads: ReadSettings::with_timeout(timeout),
        };
        Database::new(PgConnectOptions::new(), &settings)
    }

    struct TestBatch {
        batch: Arc<Batch<Doubling>>,
        permits: Arc<Semaphore>,
        sizes: Arc<Mutex<Vec<usize>>>,
        tasks: TaskTracker,
    }

    impl TestBatch {
        fn new(timeout: Duration) -> Self {
            let (permits, sizes) = (Arc::new(Semaphore::new(0)), Arc::default());
            let doubling = Doubling { permits: Arc::clone(&permits), sizes: Arc::clone(&sizes) };
            let tasks = TaskTracker::new();
            let batch = Arc::new(Batch::new(doubling, database(timeout), tasks.clone()));
            Self { batch, permits, sizes, tasks }
        }

        /// Submits in the background. Returns when the request is in the queue or running.
        async fn submit(&self, number: u32) -> JoinHandle<Result<u32, Error>> {
            let before = self.batch.shared.queue().next_number;
            let batch = Arc::clone(&self.batch);
            let submitted = tokio::spawn(async move { batch.submit(number).await });
            while self.batch.shared.queue().next_number == before {
                tokio::task::yield_now().await;
            }
            // Lets a free worker dequeue the request.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            submitted
        }
    }

    struct CurrentSpan;

    impl Statement for CurrentSpan {
        type Request = ();
        type Output = Option<tracing::Id>;
        const MAX_WEIGHT: usize = 1;

        async fn run(&self, _: &Database, _: &[()]) -> Result<Vec<Self::Output>, db::Error> {
            Ok(vec![Span::current().id()])
        }
    }

    #[tokio::test]
    async fn a_statement_runs_in_the_span_of_its_request() {
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry());
        let batch = Batch::new(CurrentSpan, database(Duration::from_secs(60)), TaskTracker::new());
        let span = tracing::info_span!("request");
        let ran_in = batch.submit(()).instrument(span.clone()).await.expect("an output");
        assert!(ran_in.is_some() && ran_in == span.id(), "{ran_in:?}");
    }

    #[tokio::test]
    async fn requests_that_arrive_while_statements_run_share_the_next_one() {
        let test = TestBatch::new(Duration::from_secs(60));
        let mut submitted = Vec::new();
        for number in [1, 2, 3, 4, 5, 100, 6] {
            submitted.push(test.submit(number).await);
        }
        test.permits.add_permits(100);
        let mut outputs = Vec::new();
        for request in submitted {
            outputs.push(request.await.expect("no panic").expect("an output"));
        }
        assert_eq!(outputs, [2, 4, 6, 8, 10, 200, 12]);
        let mut sizes = test.sizes.lock().expect("no panic").clone();
        sizes.sort_unstable();
        assert_eq!(
            sizes,
            [1, 1, 1, 1, 3],
            "two alone, three together, a heavy one alone, the last"
        );
    }

    #[tokio::test]
    async fn a_panic_fails_only_the_requests_of_its_batch() {
        let test = TestBatch::new(Duration::from_secs(60));
        let panicking = test.submit(13).await;
        test.permits.add_permits(100);
        assert!(matches!(panicking.await.expect("no panic here"), Err(Error::Abandoned)));
        assert_eq!(test.batch.submit(4).await.expect("an output"), 8);
        test.tasks.close();
        test.tasks.wait().await;
        assert_eq!(test.batch.shared.queue().workers, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_out_rejects_a_queued_request_but_not_a_running_one() {
        let test = TestBatch::new(Duration::from_secs(3));
        let running = [test.submit(1).await, test.submit(2).await];
        let queued = test.submit(3).await;
        assert!(matches!(queued.await.expect("no panic"), Err(Error::Overloaded)));
        test.permits.add_permits(100);
        for (request, output) in running.into_iter().zip([2, 4]) {
            assert_eq!(request.await.expect("no panic").expect("an output"), output);
        }
        assert_eq!(test.sizes.lock().expect("no panic").len(), 2, "the third never ran");
    }

    #[tokio::test]
    async fn a_cancelled_read_is_dropped_from_the_queue() {
        let database = database(Duration::from_secs(60));
        let batch = Batch::new(Reading, database, TaskTracker::new());
        let enqueue = |number| {
            let (reply, result) = oneshot::channel();
            batch.shared.enqueue(number, reply).expect("the queue has room");
            result
        };
        let (cancelled, waiting, cancelled_too) = (enqueue(1), enqueue(2), enqueue(3));
        drop((cancelled, cancelled_too));
        let next = batch.shared.next_batch().expect("one request waits");
        assert_eq!(next.iter().map(|entry| entry.request).collect::<Vec<_>>(), [2]);
        drop(waiting);
        assert!(batch.shared.next_batch().is_none());
    }

    #[tokio::test]
    async fn a_cancelled_write_still_runs() {
        let test = TestBatch::new(Duration::from_secs(60));
        let submitted = test.submit(1).await;
        submitted.abort();
        test.permits.add_permits(100);
        test.tasks.close();
        test.tasks.wait().await;
        assert_eq!(*test.sizes.lock().expect("no panic"), [1]);
    }
}
