//! Batches: requests of one kind that arrive while the database works share the next statement.
//!
//! A lone request is a statement of its own, at once. Under load one round trip and one commit serve
//! all the requests that arrived during the ones before, which a busy server does several times as
//! many of. May use `db`; what a statement says is its own matter.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Error;
use crate::db::{self, Database};

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

    /// How many statements of this kind run at once. Of those that write, one is carried out while the
    /// other waits for its commit to reach the disk; more would only make each batch smaller.
    const AT_ONCE: usize = 2;

    /// Whether the statement changes nothing, so that requests which nobody waits for any more are
    /// left out: a database that has fallen behind would work for clients that have given up.
    const ONLY_READS: bool = false;

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
    /// How many requests have entered; numbers the next.
    entered: u64,
    running: usize,
}

struct Entry<S: Statement> {
    number: u64,
    request: S::Request,
    answer: Reply<S>,
}

/// Where the answer to one request is sent. Nobody may be left to receive it.
type Reply<S> = oneshot::Sender<Result<<S as Statement>::Answer, Error>>;

impl<S: Statement> Batch<S> {
    /// Nothing runs yet. Whatever will, runs as one of `tasks`.
    pub(super) fn new(statement: S, database: Database, tasks: TaskTracker) -> Self {
        let queue = Mutex::new(Queue { entries: VecDeque::new(), entered: 0, running: 0 });
        Self { shared: Arc::new(Shared { statement, database, tasks, queue }) }
    }

    /// Has `request` carried out: if it is a write, even when whoever waits for the answer goes away.
    ///
    /// # Errors
    /// When the database fails, or has no time.
    pub(super) async fn ask(&self, request: S::Request) -> Result<S::Answer, Error> {
        let (answer, mut answered) = oneshot::channel();
        let (number, start) = self.shared.enter(request, answer)?;
        if start {
            self.shared.tasks.spawn(work(Arc::clone(&self.shared)));
        }
        let patience = self.shared.database.acquire_timeout();
        let answer = match tokio::time::timeout(patience, &mut answered).await {
            Ok(answer) => answer,
            Err(_) if self.shared.leave(number) => return Err(Error::Overloaded),
            // It is being carried out, and takes as long as its statement may.
            Err(_) => answered.await,
        };
        answer.map_err(|_| Error::Abandoned)?
    }
}

impl<S: Statement> Shared<S> {
    fn queue(&self) -> MutexGuard<'_, Queue<S>> {
        // No panic can happen while it is held; the queue is whole in any case.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request in line. Returns its number, and whether a worker has to be started for it.
    fn enter(&self, request: S::Request, answer: Reply<S>) -> Result<(u64, bool), Error> {
        let mut queue = self.queue();
        if queue.entries.len() >= LONGEST_QUEUE {
            return Err(Error::Overloaded);
        }
        let number = queue.entered;
        queue.entered += 1;
        queue.entries.push_back(Entry { number, request, answer });
        let start = queue.running < S::AT_ONCE;
        queue.running += usize::from(start);
        Ok((number, start))
    }

    /// Takes a request out of line. Returns whether it still stood there.
    fn leave(&self, number: u64) -> bool {
        let mut queue = self.queue();
        let place = queue.entries.binary_search_by_key(&number, |entry| entry.number);
        place.is_ok_and(|place| queue.entries.remove(place).is_some())
    }

    /// The next requests that one statement can answer; `None`, and the worker is done, if there is
    /// none.
    fn take(&self) -> Option<Vec<Entry<S>>> {
        let mut queue = self.queue();
        let (mut taken, mut weight) = (Vec::new(), 0);
        while let Some(entry) = queue.entries.pop_front() {
            if S::ONLY_READS && entry.answer.is_closed() {
                continue;
            }
            weight += S::weight(&entry.request);
            // One that is too large for any batch is one of its own.
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

    async fn answer(&self, requests: &[S::Request], answers: Vec<Reply<S>>) {
        match self.statement.run(&self.database, requests).await {
            Ok(done) => {
                for (answer, done) in answers.into_iter().zip(done) {
                    let _ = answer.send(Ok(done));
                }
            }
            // One of them is to blame: the others must not suffer for it.
            Err(error) if requests.len() > 1 && error.allows_row_retry() => {
                self.answer_one_by_one(requests, answers).await;
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(Error::Shared(Arc::clone(&error))));
                }
            }
        }
    }

    async fn answer_one_by_one(&self, requests: &[S::Request], answers: Vec<Reply<S>>) {
        // Once the database itself fails, each of the others would wait for it in turn.
        let mut database_failed = None;
        for (request, answer) in requests.iter().zip(answers) {
            let outcome = match &database_failed {
                Some(error) => Err(Error::Shared(Arc::clone(error))),
                None => match self.statement.run(&self.database, slice::from_ref(request)).await {
                    Ok(mut done) => done.pop().ok_or(Error::Abandoned),
                    Err(error) if error.allows_row_retry() => Err(error.into()),
                    Err(error) => {
                        let error = database_failed.insert(Arc::new(error));
                        Err(Error::Shared(Arc::clone(error)))
                    }
                },
            };
            let _ = answer.send(outcome);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::db::{PgConnectOptions, PoolSettings};

    /// Doubles numbers, once it is let to; panics at 13. The database is not asked.
    struct Doubling {
        turns: Arc<Semaphore>,
        sizes: Arc<Mutex<Vec<usize>>>,
    }

    impl Statement for Doubling {
        type Request = u32;
        type Answer = u32;
        const LARGEST: usize = 10;

        fn weight(request: &u32) -> usize {
            if *request >= 100 { 20 } else { 1 }
        }

        async fn run(&self, _: &Database, requests: &[u32]) -> Result<Vec<u32>, db::Error> {
            self.turns.acquire().await.expect("open").forget();
            self.sizes.lock().expect("whole").push(requests.len());
            assert!(!requests.contains(&13), "the number of bad luck");
            Ok(requests.iter().map(|request| request * 2).collect())
        }
    }

    /// Is never carried out here.
    struct Reading;

    impl Statement for Reading {
        type Request = u32;
        type Answer = ();
        const LARGEST: usize = 10;
        const ONLY_READS: bool = true;

        async fn run(&self, _: &Database, _: &[u32]) -> Result<Vec<()>, db::Error> {
            unreachable!("nothing is carried out")
        }
    }

    struct Stand {
        batch: Arc<Batch<Doubling>>,
        turns: Arc<Semaphore>,
        sizes: Arc<Mutex<Vec<usize>>>,
        tasks: TaskTracker,
    }

    fn stand(patience: Duration) -> Stand {
        let settings = PoolSettings {
            max_connections: 2,
            acquire_timeout: patience,
            statement_timeout: patience,
        };
        let database = Database::new(PgConnectOptions::new(), &settings);
        let (turns, sizes) = (Arc::new(Semaphore::new(0)), Arc::default());
        let doubling = Doubling { turns: Arc::clone(&turns), sizes: Arc::clone(&sizes) };
        let tasks = TaskTracker::new();
        Stand {
            batch: Arc::new(Batch::new(doubling, database, tasks.clone())),
            turns,
            sizes,
            tasks,
        }
    }

    impl Stand {
        /// Asks in the background, and returns once the request stands in line or is served.
        async fn ask(&self, number: u32) -> tokio::task::JoinHandle<Result<u32, Error>> {
            let entered = self.batch.shared.queue().entered;
            let batch = Arc::clone(&self.batch);
            let asked = tokio::spawn(async move { batch.ask(number).await });
            while self.batch.shared.queue().entered == entered {
                tokio::task::yield_now().await;
            }
            // Workers that are free take it before the next one comes.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            asked
        }
    }

    #[tokio::test]
    async fn what_arrives_while_statements_run_shares_the_next() {
        let stand = stand(Duration::from_secs(60));
        let mut asked = Vec::new();
        for number in [1, 2, 3, 4, 5, 100, 6] {
            asked.push(stand.ask(number).await);
        }
        stand.turns.add_permits(100);
        let mut answers = Vec::new();
        for one in asked {
            answers.push(one.await.expect("no panic").expect("answered"));
        }
        assert_eq!(answers, [2, 4, 6, 8, 10, 200, 12]);
        let mut sizes = stand.sizes.lock().expect("whole").clone();
        sizes.sort_unstable();
        assert_eq!(
            sizes,
            [1, 1, 1, 1, 3],
            "two alone, three together, a heavy one alone, the last"
        );
    }

    #[tokio::test]
    async fn a_panic_costs_the_requests_of_its_statement_and_no_other() {
        let stand = stand(Duration::from_secs(60));
        let unlucky = stand.ask(13).await;
        stand.turns.add_permits(100);
        assert!(matches!(unlucky.await.expect("no panic here"), Err(Error::Abandoned)));
        assert_eq!(stand.batch.ask(4).await.expect("answered"), 8);
        stand.tasks.close();
        stand.tasks.wait().await;
        assert_eq!(stand.batch.shared.queue().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_line_for_too_long_is_refused_and_who_is_served_is_not() {
        let stand = stand(Duration::from_secs(3));
        let served = [stand.ask(1).await, stand.ask(2).await];
        let waiting = stand.ask(3).await;
        assert!(matches!(waiting.await.expect("no panic"), Err(Error::Overloaded)));
        stand.turns.add_permits(100);
        for (one, answer) in served.into_iter().zip([2, 4]) {
            assert_eq!(one.await.expect("no panic").expect("answered"), answer);
        }
        assert_eq!(stand.sizes.lock().expect("whole").len(), 2, "the third was never carried out");
    }

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_any_more_is_left_out() {
        let settings = PoolSettings {
            max_connections: 2,
            acquire_timeout: Duration::from_secs(60),
            statement_timeout: Duration::from_secs(60),
        };
        let database = Database::new(PgConnectOptions::new(), &settings);
        let batch = Batch::new(Reading, database, TaskTracker::new());
        let enter = |number| {
            let (answer, answered) = oneshot::channel();
            batch.shared.enter(number, answer).expect("there is room");
            answered
        };
        let (gone, waiting, gone_too) = (enter(1), enter(2), enter(3));
        drop((gone, gone_too));
        let taken = batch.shared.take().expect("one waits");
        assert_eq!(taken.iter().map(|entry| entry.request).collect::<Vec<_>>(), [2]);
        drop(waiting);
        assert!(batch.shared.take().is_none());
    }

    #[tokio::test]
    async fn a_request_is_carried_out_though_nobody_waits_for_it() {
        let stand = stand(Duration::from_secs(60));
        let asked = stand.ask(1).await;
        asked.abort();
        stand.turns.add_permits(100);
        stand.tasks.close();
        stand.tasks.wait().await;
        assert_eq!(*stand.sizes.lock().expect("whole"), [1]);
    }
}
