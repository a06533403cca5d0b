//! Replays random runs on the code and on its model, with a clock that only the test advances.

use models::{Model, Random, latest as model};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, advance},
};

use super::*;
use crate::service::test_support;

type WriteResult = Result<(), db::Error>;
/// A write that has begun: its value, and its result.
type Begun = (i64, oneshot::Sender<WriteResult>);

/// A row whose writes end when the test says so.
struct TestRow(mpsc::UnboundedSender<Begun>);

impl WriteValue for TestRow {
    async fn write(&mut self, value: i64) -> WriteResult {
        let (result, ended) = oneshot::channel();
        self.0.send((value, result)).expect("the test runs");
        ended.await.expect("the test ends each write")
    }

    async fn tidy(&mut self) {}
}

/// The code, its model, and what connects them.
struct Replay {
    latest: Latest,
    begun: mpsc::UnboundedReceiver<Begun>,
    running: Option<Begun>,
    requests: Vec<JoinHandle<Result<(), Error>>>,
    answers: Vec<Option<bool>>,
    model: model::Latest,
    state: model::State,
}

impl Replay {
    fn new(requests: usize) -> Self {
        let (sender, begun) = mpsc::unbounded_channel();
        let latest = Latest::write_to(TestRow(sender), test_support::unreachable_database());
        let model =
            model::Latest { processes: 1, requests, max_failures: 3, max_crashes: 0, fault: None };
        let state = model.init_states().pop().expect("a state");
        Self {
            latest,
            begun,
            running: None,
            requests: Vec::new(),
            answers: Vec::new(),
            model,
            state,
        }
    }

    fn step(&mut self, step: model::Step) {
        let mut possible = Vec::new();
        self.model.actions(&self.state, &mut possible);
        assert!(possible.contains(&step), "the model cannot {step:?} in {:?}", self.state);
        self.state = self.model.next_state(&self.state, step).expect("a state");
        for property in self.model.properties() {
            if property.expectation == models::Expectation::Always {
                assert!((property.condition)(&self.model, &self.state), "{}", property.name);
            }
        }
    }

    fn in_flight(&self) -> usize {
        self.answers.iter().filter(|answer| answer.is_none()).count()
    }

    /// Values fall while requests arrive, so that the largest is never the right one.
    fn value(&self, request: usize) -> i64 {
        i64::try_from(self.model.requests - request).expect("small")
    }

    fn arrive(&mut self) {
        let pending = self.latest.record(self.value(self.requests.len()));
        self.requests.push(tokio::spawn(async move { pending.written().await }));
        self.answers.push(None);
        self.step(model::Step::Arrive(0));
    }

    fn end_write(&mut self, succeeds: bool) {
        let Some((_, result)) = self.running.take() else { return };
        if succeeds {
            for step in [model::Step::Draw(0), model::Step::Commit(0), model::Step::Return(0)] {
                self.step(step);
            }
            result.send(Ok(())).expect("the write waits");
        } else {
            self.step(model::Step::GiveUp(0));
            result.send(Err(db::Error::Unresponsive)).expect("the write waits");
        }
    }

    /// Lets all tasks run until they wait, and compares what they did.
    async fn settle(&mut self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        for request in 0..self.requests.len() {
            if self.answers[request].is_none() && self.requests[request].is_finished() {
                let answer = (&mut self.requests[request]).await.expect("no panic").is_ok();
                self.answers[request] = Some(answer);
                self.step(model::Step::Answer(request));
                assert_eq!(self.state.requests[request].answer, Some(answer), "{request}");
            }
        }
        let mut possible = Vec::new();
        self.model.actions(&self.state, &mut possible);
        let unanswered = possible.iter().find(|step| matches!(step, model::Step::Answer(_)));
        assert_eq!(unanswered, None, "the model answers");
        while let Ok(begun) = self.begun.try_recv() {
            assert!(self.running.is_none(), "two writes run at once");
            if possible.contains(&model::Step::Read(0)) {
                self.step(model::Step::Read(0));
            }
            self.step(model::Step::Begin(0));
            let write = self.state.processes[0].write.as_ref().expect("a write");
            assert_eq!(begun.0, self.value(write.request));
            self.running = Some(begun);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_code_does_what_the_model_does() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut replay = Replay::new(12);
        let mut failures = 3;
        while replay.requests.len() < 12 || replay.in_flight() > 0 {
            let idle = replay.in_flight() == 0;
            match random.below(5) {
                0 | 1 if replay.requests.len() < 12 => replay.arrive(),
                2 if failures > 0 && replay.running.is_some() => {
                    failures -= 1;
                    replay.end_write(false);
                }
                3 => replay.end_write(true),
                _ => advance(WRITE_INTERVAL).await,
            }
            replay.settle().await;
            assert_eq!(idle && replay.in_flight() > 0, idle && replay.running.is_some(), "at once");
        }
        assert!(replay.requests.iter().all(JoinHandle::is_finished), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_after_the_other_is_written_at_once() {
    let mut replay = Replay::new(5);
    let start = Instant::now();
    for _ in 0..5 {
        replay.arrive();
        replay.settle().await;
        assert!(replay.running.is_some());
        replay.end_write(true);
        replay.settle().await;
        assert_eq!(replay.in_flight(), 0);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn many_requests_share_a_write_that_waits_for_the_interval() {
    let requests = FEW_IN_FLIGHT + 3;
    let mut replay = Replay::new(requests);
    replay.arrive();
    replay.settle().await;
    for _ in 1..requests {
        replay.arrive();
    }
    replay.settle().await;
    replay.end_write(true);
    replay.settle().await;
    assert!(replay.running.is_none(), "the second write waits");
    advance(WRITE_INTERVAL).await;
    replay.settle().await;
    replay.end_write(true);
    replay.settle().await;
    assert_eq!(replay.answers, vec![Some(true); requests]);
}

/// A request that looks at the outcome late sees that of its own write, not of a later one.
#[tokio::test(start_paused = true)]
async fn a_later_failure_does_not_hide_a_success() {
    let mut replay = Replay::new(2);
    let first = replay.latest.record(2);
    replay.begun.recv().await.expect("a write").1.send(Ok(())).expect("it waits");
    let second = replay.latest.record(1);
    let failure = Err(db::Error::Unresponsive);
    replay.begun.recv().await.expect("a write").1.send(failure).expect("it waits");
    assert!(second.written().await.is_err());
    assert!(first.written().await.is_ok());
}
