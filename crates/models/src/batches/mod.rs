//! The model of `service::batch`: requests share statements.
//!
//! Requests enter a queue in the order of their numbers. A worker takes a batch and runs its statement,
//! which commits, rolls back, or ends in a way that hides which of both happened. After a rollback that
//! one row may have caused, the worker runs the rows one by one. The process may crash at any point.

mod parts;
mod rules;

use stateright::{Model, Property};

pub use parts::*;
use rules::send;

impl Model for Batches {
    type State = State;
    type Action = Step;

    /// One state for each choice of bad rows.
    fn init_states(&self) -> Vec<State> {
        let state = |bad: u32| State {
            requests: (0..self.requests)
                .map(|number| Request { bad: bad & (1 << number) != 0, ..Request::default() })
                .collect(),
            arrived: 0,
            queue: Vec::new(),
            workers: vec![None; usize::from(self.max_workers)],
            failures_left: self.max_failures,
            crashed: false,
        };
        (0..1 << self.requests).map(state).collect()
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.crashed {
            return;
        }
        if state.arrived < self.requests {
            steps.push(Step::Arrive);
        }
        for (number, request) in (0..state.arrived).zip(&state.requests) {
            if !request.timed_out && request.answers.is_empty() {
                steps.push(Step::TimeOut(number));
            }
        }
        for (index, worker) in state.workers.iter().enumerate() {
            match worker {
                None => {}
                Some(Worker::Free) => steps.push(Step::Take(index)),
                Some(Worker::Ending) => steps.push(Step::End(index)),
                Some(Worker::Whole(rows)) => {
                    let endings = Self::endings(state, rows).into_iter();
                    steps.extend(endings.map(|ending| Step::Finish(index, ending)));
                }
                Some(Worker::OneByOne(rows)) => {
                    let endings = Self::endings(state, &rows[..1]).into_iter();
                    steps.extend(endings.map(|ending| Step::Finish(index, ending)));
                }
                Some(Worker::Answering(..)) => steps.push(Step::Send(index)),
            }
        }
        if state.arrived > 0 && !state.is_settled() {
            steps.push(Step::Crash);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Arrive => self.arrive(&mut state),
            Step::TimeOut(number) => self.time_out(&mut state, number),
            Step::Take(worker) => self.take(&mut state, worker),
            Step::End(worker) => state.workers[worker] = None,
            Step::Finish(worker, ending) => self.finish(&mut state, worker, ending),
            Step::Send(worker) => send(&mut state, worker, self.fault),
            Step::Crash => state.crashed = true,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no acknowledged write is lost", |_, state: &State| {
                state.all_answers(|_, it, answer| {
                    !matches!(answer, Answer::Output(_)) || it.applied > 0
                })
            }),
            Property::always("no write is applied twice", |_, state: &State| {
                state.requests.iter().all(|request| request.applied <= 1)
            }),
            Property::always("no write is answered twice", |_, state: &State| {
                state.requests.iter().all(|request| request.answers.len() <= 1)
            }),
            Property::always("each write gets its own result", |_, state: &State| {
                state.all_answers(|number, _, answer| state.is_consistent(number, answer))
            }),
            // The steps of a run are finite, so each run ends in a settled or crashed state.
            Property::always("each write is answered in the end", |_, state: &State| {
                !state.is_settled()
                    || state.requests.iter().all(|request| !request.answers.is_empty())
            }),
            Property::sometimes(
                "a repeated row succeeds beside a rejected one",
                |_, state: &State| {
                    state.requests.iter().any(|it| it.answers.contains(&Answer::Output(0)))
                        && state
                            .requests
                            .iter()
                            .any(|it| it.answers.contains(&Answer::RowRejected(1)))
                },
            ),
            Property::sometimes("a crash hides a commit", |_, state: &State| {
                state.crashed
                    && state.requests.iter().any(|it| it.applied == 1 && it.answers.is_empty())
            }),
        ]
    }
}
