//! Batches: requests of one kind that arrive while the database works share the next statement.
//!
//! A lone request is a statement of its own, at once. Under load one round trip and one commit serve
//! all the requests that arrived during the ones before, which a busy server does several times as
//! many of. May use `db`; what a statement says is its own matter.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Error;
use crate::db::{self, Database};

/// How many statements of a kind run at once. One is carried out while the other waits for its
/// commit to reach the disk; more of them would only make each batch smaller.
const AT_ONCE: usize = 2;
/// How many requests of a kind may wait. At a hundred a statement it is a second's work, more than
/// any client waits for.
const LONGEST_QUEUE: usize = 8_192;

/// A statement that answers many requests at once.
pub(super) trait Statement: Send + Sync + 'static {
    /// What is asked for.
    type Request: Send + Sync + 'static;
    /// What becomes of one request.
    type Answer: Send + 'static;

    /// The most that requests of one batch may weigh together.
    const LARGEST: usize;

    /// What a request adds to the statement's work.
    fn weight(_request: &Self::Request) -> usize {
        1
    }

    /// Answers every request, in their order. All of them or none are carried out.
    fn run(
        &self,
        database: &Database,
        requests: &[Self::Request],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, db::Error>> + Send;
}

/// Where the requests of one kind meet. Clones are handles on the same.
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
    running: usize,
}

struct Entry<S: Statement> {
    request: S::Request,
    since: Instant,
    answer: oneshot::Sender<Result<S::Answer, Error>>,
}

impl<S: Statement> Batch<S> {
    /// Nothing runs yet. Whatever will, runs as one of `tasks`.
    pub(super) fn new(statement: S, database: Database, tasks: TaskTracker) -> Self {
        let queue = Mutex::new(Queue { entries: VecDeque::new(), running: 0 });
        Self { shared: Arc::new(Shared { statement, database, tasks, queue }) }
    }

    /// Has `request` carried out, to its end even when whoever waits for the answer goes away.
    ///
    /// # Errors
    /// When the database fails, or has no time.
    pub(super) async fn ask(&self, request: S::Request) -> Result<S::Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let entry = Entry { request, since: Instant::now(), answer };
        if self.shared.enter(entry)? {
            self.shared.tasks.spawn(work(Arc::clone(&self.shared)));
        }
        answered.await.map_err(|_| Error::Abandoned)?
    }
}

impl<S: Statement> Shared<S> {
    fn queue(&self) -> MutexGuard<'_, Queue<S>> {
        // No panic can happen while it is held; the queue is whole in any case.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request in line. Returns whether a worker has to be started for it.
    fn enter(&self, entry: Entry<S>) -> Result<bool, Error> {
        let mut queue = self.queue();
        if queue.entries.len() >= LONGEST_QUEUE {
            return Err(Error::Overloaded);
        }
        queue.entries.push_back(entry);
        let start = queue.running < AT_ONCE;
        queue.running += usize::from(start);
        Ok(start)
    }

    /// The next requests that one statement can answer; `None`, and the worker is done, if there is
    /// none. What has waited for as long as a request waits for a connection is refused.
    fn take(&self) -> Option<Vec<Entry<S>>> {
        let mut queue = self.queue();
        let mut taken = Vec::new();
        let mut weight = 0;
        while let Some(entry) = queue.entries.pop_front() {
            if entry.since.elapsed() > self.database.acquire_timeout() {
                // Nobody may wait for it any more.
                let _ = entry.answer.send(Err(Error::Overloaded));
                continue;
            }
            weight += S::weight(&entry.request);
            if weight > S::LARGEST && !taken.is_empty() {
                queue.entries.push_front(entry);
                break;
            }
            taken.push(entry);
        }
        if taken.is_empty() {
            queue.running -= 1;
            return None;
        }
        Some(taken)
    }

    async fn answer(
        &self,
        requests: &[S::Request],
        answers: Vec<oneshot::Sender<Result<S::Answer, Error>>>,
    ) {
        match self.statement.run(&self.database, requests).await {
            Ok(done) => {
                for (answer, done) in answers.into_iter().zip(done) {
                    let _ = answer.send(Ok(done));
                }
            }
            // One of them is to blame: the others must not suffer for it.
            Err(error) if requests.len() > 1 && error.left_nothing() => {
                for (request, answer) in requests.iter().zip(answers) {
                    let alone =
                        self.statement.run(&self.database, std::slice::from_ref(request)).await;
                    let only = alone.map(|mut answers| answers.pop());
                    let _ = answer
                        .send(only.map_err(Error::from).and_then(|it| it.ok_or(Error::Abandoned)));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(Error::Shared(Arc::clone(&error))));
                }
            }
        }
    }
}

/// Carries out what is in line, until nothing is.
async fn work<S: Statement>(shared: Arc<Shared<S>>) {
    while let Some(entries) = shared.take() {
        let (requests, answers): (Vec<_>, Vec<_>) =
            entries.into_iter().map(|entry| (entry.request, entry.answer)).unzip();
        // After a panic, which its hook has logged, the answers' other ends see that none comes.
        let _ = AssertUnwindSafe(shared.answer(&requests, answers)).catch_unwind().await;
    }
}
