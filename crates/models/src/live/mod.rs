//! The model of `service::live`: streams send each message once and in order.
//!
//! A transaction gets its number and a lock on it, then a snapshot, then the time of its message, and
//! ends later. Each server polls: it takes a snapshot, reads the locks, and derives the watermark. A
//! client is subscribed to one server at a time and continues after its last message. The clock may
//! step back, and PostgreSQL and servers may crash.

mod parts;
mod replay;
mod rules;

use stateright::{Model, Property};

use parts::Fault::*;
pub use parts::*;
pub use replay::Poll;

impl Model for Live {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            clock: 1,
            step_back: self.step_back,
            writers: vec![Stage::New; self.writers],
            floor: 0,
            servers: vec![Server::default(); self.servers],
            client: Client::default(),
            ignored: Vec::new(),
            deletions_left: self.max_deletions,
            crashes_left: self.max_crashes,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.clock < self.max_clock {
            steps.push(Step::Tick);
        }
        if state.step_back > 0 && state.clock > 1 {
            steps.push(Step::StepBack);
        }
        for writer in 0..self.writers {
            self.writer_steps(state, writer, steps);
        }
        for server in 0..self.servers {
            self.server_steps(state, server, steps);
            let has_polls = state.servers[server].polls < self.max_polls;
            if state.client.server.is_none() && has_polls {
                steps.push(Step::Connect(server));
            }
        }
        if state.client.server.is_some() && self.servers > 1 {
            steps.push(Step::Disconnect);
        }
        if self.may_catch_up(state) {
            steps.push(Step::CatchUp);
        }
        if state.crashes_left > 0 {
            steps.push(Step::CrashDatabase);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => state.clock += 1,
            Step::StepBack => {
                state.clock = state.clock.saturating_sub(state.step_back).max(1);
                state.step_back = 0;
            }
            Step::Begin(writer)
            | Step::Read(writer)
            | Step::Time(writer)
            | Step::Prepare(writer)
            | Step::Commit(writer)
            | Step::Release(writer)
            | Step::Abort(writer)
            | Step::Delete(writer) => self.change_writer(&mut state, writer, step),
            Step::Connect(server) => {
                state.client.server = Some(server);
                self.attach(&mut state, server);
            }
            Step::Disconnect => Self::disconnect(&mut state.client),
            Step::PollClock(server) => {
                // Without the fault, the poll does not use the clock.
                let trusts = self.fault == Some(TrustsTheClock);
                state.servers[server].clock = Some(if trusts { state.clock } else { 0 });
                if self.fault == Some(LocksBeforeTime) {
                    let locks = Some(state.writers_where(|writer| state.is_locked(writer)));
                    let (unseen, messages) = (Vec::new(), Vec::new());
                    state.servers[server].snapshot =
                        Some(Snapshot { at: 0, unseen, messages, locks });
                }
            }
            Step::PollSnapshot(server) => self.snapshot(&mut state, server),
            Step::PollLocks(server) => self.complete(&mut state, server)?,
            Step::CatchUp => Self::catch_up(&mut state)?,
            Step::CrashDatabase => Self::crash_database(&mut state),
            Step::CrashServer(server) => {
                state.crashes_left -= 1;
                let polls = state.servers[server].polls;
                state.servers[server] = Server { polls, ..Server::default() };
                if state.client.server == Some(server) {
                    Self::disconnect(&mut state.client);
                }
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("messages come once and in order", |_, state: &State| {
                state.client.received.is_sorted_by(|earlier, later| earlier < later)
            }),
            // Every state is examined, so a message that is skipped is found as soon as it commits.
            Property::always("no message is skipped", |_, state: &State| {
                let Some((covered, start)) = state.covered().zip(state.client.start) else {
                    return true;
                };
                state.messages().iter().all(|message| {
                    *message <= start
                        || *message > covered
                        || state.client.received.contains(message)
                        || state.ignored.contains(&(message.1 - 1))
                })
            }),
            Property::always(
                "the watermark waits for a bounded number of polls",
                |model: &Self, state: &State| {
                    state
                        .servers
                        .iter()
                        .all(|server| server.pending.len() <= usize::from(model.max_wait) + 1)
                },
            ),
            Property::sometimes("a message commits after a later one", |_, state: &State| {
                let last = state.messages().last().copied();
                let timed = state.writers.iter().zip(1..).filter_map(|(stage, id)| match stage {
                    Stage::Timed { time, .. } => Some((*time, id)),
                    _ => None,
                });
                timed.map(Some).any(|message| message < last)
            }),
            Property::sometimes(
                "the client receives all messages",
                |model: &Self, state: &State| state.client.received.len() == model.writers,
            ),
        ]
    }
}
