//! Batches with statements that the tests control.

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
    assert_eq!(sizes, [1, 1, 1, 1, 3], "two alone, three together, a heavy one alone, the last");
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
