//! Replays random runs on the code and on its model, with a clock that only the test advances.

use std::time::Duration;

use models::{Expectation, Model, Random, batches as model};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, advance},
};

use super::*;
use crate::{db::test_support as failures, service::test_support};
use model::{Answer, Ending, Step, Worker};

/// A statement that has begun: the numbers of its requests, and its end.
type Begun = (Vec<u8>, oneshot::Sender<Ending>);

/// A statement that ends as the test says. Its outputs are the numbers of the requests.
struct TestStatement(mpsc::UnboundedSender<Begun>);

impl Statement for TestStatement {
    type Request = u8;
    type Output = u8;
    const MAX_WEIGHT: usize = 2;

    async fn run(&self, _: &Database, requests: &[u8]) -> Result<Vec<u8>, db::Error> {
        let (end, ended) = oneshot::channel();
        self.0.send((requests.to_vec(), end)).expect("the test runs");
        match ended.await.expect("the test ends each statement") {
            Ending::Commit => Ok(requests.to_vec()),
            Ending::RejectRow => Err(failures::rejected_row()),
            Ending::Deadlock => Err(failures::deadlock()),
            Ending::ConnectionLost { .. } => Err(failures::connection_lost()),
            Ending::Panic { .. } => panic!("a planted panic"),
        }
    }
}

/// The code, its model, and what connects them.
struct Replay {
    batch: Arc<Batch<TestStatement>>,
    begun: mpsc::UnboundedReceiver<Begun>,
    running: Vec<Begun>,
    requests: Vec<(Instant, JoinHandle<Result<u8, Error>>)>,
    model: model::Batches,
    state: model::State,
}

impl Replay {
    fn new(requests: u8, random: &mut Random) -> Self {
        let (sender, begun) = mpsc::unbounded_channel();
        let database = test_support::unreachable_database();
        let batch = Batch::new(TestStatement(sender), database, TaskTracker::new());
        let model = model::Batches {
            requests,
            max_workers: 2,
            max_batch: TestStatement::MAX_WEIGHT,
            max_failures: 3,
            fault: None,
        };
        let mut states = model.init_states();
        let state = states.swap_remove(random.below(states.len()));
        let (batch, running, requests) = (Arc::new(batch), Vec::new(), Vec::new());
        Self { batch, begun, running, requests, model, state }
    }

    fn possible(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        self.model.actions(&self.state, &mut steps);
        steps
    }

    fn step(&mut self, step: Step) {
        assert!(self.possible().contains(&step), "the model cannot {step:?} in {:?}", self.state);
        self.state = self.model.next_state(&self.state, step).expect("a state");
        for property in self.model.properties() {
            if property.expectation == Expectation::Always {
                assert!((property.condition)(&self.model, &self.state), "{}", property.name);
            }
        }
    }

    async fn perform(&mut self, step: Step) {
        match step {
            Step::Arrive => {
                let (number, batch) = (self.state.arrived, Arc::clone(&self.batch));
                let submitted = tokio::spawn(async move { batch.submit(number).await });
                self.requests.push((Instant::now(), submitted));
                self.step(step);
            }
            Step::TimeOut(number) => {
                let deadline = self.requests[usize::from(number)].0 + self.timeout();
                advance(deadline.saturating_duration_since(Instant::now())).await;
                self.step(step);
            }
            Step::Finish(worker, ending) => {
                let rows = rows(self.state.workers[worker].as_ref()).expect("it runs");
                let index = self.running.iter().position(|(running, _)| *running == rows);
                let (_, end) = self.running.swap_remove(index.expect("the code runs it, too"));
                end.send(ending).expect("the statement waits");
                self.step(step);
            }
            Step::Take(_) | Step::End(_) | Step::Send(_) | Step::Crash => unreachable!("{step:?}"),
        }
        // Workers go on at once.
        let goes_on = |step: &Step| matches!(step, Step::Take(_) | Step::Send(_));
        while let Some(step) = self.possible().into_iter().find(goes_on) {
            self.step(step);
        }
        // No two requests have the same deadline.
        advance(Duration::from_millis(1)).await;
    }

    fn timeout(&self) -> Duration {
        self.batch.shared.database.acquire_timeout()
    }

    /// Lets all tasks run until they wait, and compares statements and answers.
    async fn compare(&mut self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        while let Ok(begun) = self.begun.try_recv() {
            self.running.push(begun);
        }
        let mut code: Vec<&Vec<u8>> = self.running.iter().map(|(rows, _)| rows).collect();
        let workers = self.state.workers.iter();
        let mut model: Vec<Vec<u8>> = workers.filter_map(|it| rows(it.as_ref())).collect();
        code.sort_unstable();
        model.sort_unstable();
        assert_eq!(code, model.iter().collect::<Vec<_>>(), "the running statements");
        for ((_, submitted), expected) in self.requests.iter_mut().zip(&self.state.requests) {
            let answered = !expected.answers.is_empty();
            assert_eq!(submitted.is_finished(), answered, "{:?}", self.state);
        }
    }
}

/// The rows of the statement that a worker runs.
fn rows(worker: Option<&Worker>) -> Option<Vec<u8>> {
    match worker? {
        Worker::Whole(rows) => Some(rows.clone()),
        Worker::OneByOne(rows) => Some(vec![rows[0]]),
        Worker::Free | Worker::Ending | Worker::Answering(..) => None,
    }
}

fn answer(number: u8, result: Result<u8, Error>) -> Answer {
    let of_database = |error: &db::Error| match error {
        db::Error::Failed(_) => Answer::RowRejected(number),
        error if error.allows_row_retry() => Answer::RolledBack,
        _ => Answer::Unknown,
    };
    match result {
        Ok(output) => Answer::Output(output),
        Err(Error::Overloaded) => Answer::Overloaded,
        Err(Error::Abandoned) => Answer::Abandoned,
        Err(Error::Database(error)) => of_database(&error),
        Err(Error::Shared(error)) => of_database(&error),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_code_does_what_the_model_does() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let mut replay = Replay::new(6, &mut random);
        loop {
            let mut steps = replay.possible();
            // Deadlines pass in the order of arrival.
            let first = steps.iter().find(|step| matches!(step, Step::TimeOut(_))).copied();
            steps.retain(|step| match step {
                Step::TimeOut(_) => Some(*step) == first,
                step => *step != Step::Crash,
            });
            if steps.is_empty() {
                break;
            }
            let step = steps.swap_remove(random.below(steps.len()));
            replay.perform(step).await;
            replay.compare().await;
        }
        for (number, (_, submitted)) in (0..).zip(replay.requests) {
            let answer = answer(number, submitted.await.expect("no panic"));
            assert_eq!(replay.state.requests[usize::from(number)].answers, [answer], "{seed}");
        }
    }
}
