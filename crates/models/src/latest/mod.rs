//! The model of `service::latest`: many requests share the write of the value that arrived last.
//!
//! Each process records its requests in the order of their arrival, and writes the last one to a row of
//! its own. The statement draws a number from a sequence that all processes share; the row with the
//! highest number is shown. A write expects the number that its row has, because PostgreSQL may run a
//! statement after the process has given it up. Values fall while requests arrive, so that the largest
//! value is never the right one.

mod parts;
mod rules;

use stateright::{Model, Property};

pub use parts::*;

impl Model for Latest {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let process = |row| Process { row, ..Process::default() };
        vec![State {
            requests: Vec::new(),
            processes: (0..self.processes).map(process).collect(),
            rows: vec![None; self.processes],
            flushed: vec![None; self.processes],
            drawn: 0,
            strays: Vec::new(),
            failures_left: self.max_failures,
            crashes_left: self.max_crashes,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.requests.len() < self.requests {
            steps.extend((0..self.processes).map(Step::Arrive));
        }
        for process in 0..self.processes {
            self.steps_of(state, process, steps);
        }
        steps.extend((0..state.strays.len()).map(Step::RunStray));
        let answered = |request: &usize| state.outcome(self, *request).is_some();
        steps.extend((0..state.requests.len()).filter(answered).map(Step::Answer));
        if state.crashes_left > 0 {
            steps.push(Step::CrashDatabase);
            steps.extend((0..self.processes).map(Step::CrashProcess));
            if state.flushed != state.rows {
                steps.push(Step::Flush);
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Arrive(process) => self.arrive(&mut state, process),
            Step::Read(process) => {
                let row = state.rows[state.processes[process].row];
                let it = &mut state.processes[process];
                (it.must_read, it.expected) = (false, row.map(|(number, _)| number));
            }
            Step::Begin(process) => {
                let it = &mut state.processes[process];
                let (request, number) = (it.last?, it.recorded);
                let (row, expected) = (it.row, it.expected);
                it.write =
                    Some(Write { row, request, number, expected, drawn: None, changed: None });
            }
            Step::Draw(process) => {
                let drawn = state.draw(self, state.processes[process].row);
                state.processes[process].write.as_mut()?.drawn = Some(drawn);
            }
            Step::Commit(process) => {
                let mut write = state.processes[process].write.take()?;
                state.apply(self, &mut write);
                state.processes[process].write = Some(write);
            }
            Step::Return(process) => self.returned(&mut state, process),
            Step::GiveUp(process) => {
                state.failures_left -= 1;
                Self::give_up(&mut state, process);
            }
            Step::RunStray(index) => {
                let mut write = state.strays.remove(index);
                let drawn = write.drawn.unwrap_or_else(|| state.draw(self, write.row));
                write.drawn = Some(drawn);
                state.apply(self, &mut write);
            }
            Step::Answer(request) => {
                let answer = state.outcome(self, request)?;
                let written = state.processes[state.requests[request].process].succeeded;
                let it = &mut state.requests[request];
                it.answer = Some(answer);
                it.failed_wrongly = !answer && it.number <= written;
            }
            Step::Flush => Self::flush(&mut state),
            Step::CrashDatabase => Self::crash_database(&mut state),
            Step::CrashProcess(process) => Self::crash_process(&mut state, process),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "an answered value is shown until a later one is",
                |_, state: &State| {
                    let shown = state.shown();
                    let mut requests = state.requests.iter().enumerate();
                    requests.all(|(number, it)| {
                        it.answer != Some(true)
                            || it.excused
                            || shown.is_some_and(|shown| state.may_follow(shown, number))
                    })
                },
            ),
            Property::always("no written value is answered with a failure", |_, state: &State| {
                state.requests.iter().all(|request| !request.failed_wrongly)
            }),
            Property::always(
                "each request is answered in the end",
                |model: &Self, state: &State| {
                    !state.is_settled(model)
                        || state.requests.iter().all(|it| it.answer.is_some() || it.forgotten)
                },
            ),
            Property::sometimes("one write answers several requests", |_, state: &State| {
                state.drawn == 1
                    && state.requests.iter().filter(|it| it.answer == Some(true)).count() > 1
            }),
        ]
    }
}
