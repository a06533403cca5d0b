//! What each step does.

use super::parts::{Fault::*, *};

impl State {
    pub(super) fn message(&self, writer: usize) -> Option<Cursor> {
        match self.writers[writer] {
            Stage::Visible(time) | Stage::Committed(time) => Some((time, writer as u8 + 1)),
            _ => None,
        }
    }

    /// The visible messages in order.
    pub(super) fn messages(&self) -> Vec<Cursor> {
        let mut messages: Vec<Cursor> =
            (0..self.writers.len()).filter_map(|writer| self.message(writer)).collect();
        messages.sort_unstable();
        messages
    }

    pub(super) fn latest(&self) -> u8 {
        self.messages().last().map_or(0, |(time, _)| *time).max(self.floor)
    }

    pub(super) fn is_ended(&self, writer: usize) -> bool {
        matches!(self.writers[writer], Stage::Visible(_) | Stage::Committed(_) | Stage::Gone)
    }

    pub(super) fn is_locked(&self, writer: usize) -> bool {
        match self.writers[writer] {
            Stage::Numbered | Stage::Reading(_) | Stage::Visible(_) => true,
            Stage::Timed { locked, .. } => locked,
            Stage::New | Stage::Committed(_) | Stage::Gone => false,
        }
    }

    pub(super) fn writers_where(&self, holds: impl Fn(usize) -> bool) -> Vec<u8> {
        (0..self.writers.len()).filter(|writer| holds(*writer)).map(|it| it as u8).collect()
    }

    /// The position up to which the client should have received everything.
    pub(super) fn covered(&self) -> Option<Cursor> {
        let Client { server, start, received, missed, .. } = &self.client;
        let last = received.last().copied().or(*start)?;
        let position = server.and_then(|server| self.servers[server].position);
        Some(if missed.is_some() { last } else { position.unwrap_or(last).max(last) })
    }
}

impl Server {
    pub(super) fn is_polling(&self) -> bool {
        self.clock.is_some() || self.snapshot.is_some()
    }

    /// Takes a complete poll into account, as `Watermark::advance` does. Returns the transactions that
    /// the server has ceased to wait for.
    pub(super) fn advance(&mut self, model: &Live, snapshot: &Snapshot, locks: &[u8]) -> Vec<u8> {
        self.first_seen.resize(model.writers, None);
        let mut ignored = Vec::new();
        while let Some((at, writers)) = self.pending.first() {
            let unseen = |writer: &&u8| match model.fault {
                Some(ForgetsUnseen) => locks.contains(writer),
                _ => snapshot.unseen.contains(writer),
            };
            let running: Vec<u8> = writers.iter().filter(unseen).copied().collect();
            let is_waited_for = |writer: &u8| {
                let first_seen = self.first_seen[usize::from(*writer)].unwrap_or(self.polls);
                self.polls - first_seen < model.max_wait || model.fault == Some(WaitsForever)
            };
            if running.iter().any(is_waited_for) {
                break;
            }
            ignored.extend(running);
            self.watermark = self.watermark.max(*at);
            self.pending.remove(0);
        }
        for writer in 0..model.writers {
            let first_seen = self.first_seen[writer].unwrap_or(self.polls);
            self.first_seen[writer] = locks.contains(&(writer as u8)).then_some(first_seen);
        }
        self.pending.push((snapshot.at, locks.to_vec()));
        ignored
    }
}

impl Live {
    pub(super) fn snapshot(&self, state: &mut State, server: usize) {
        let clock = state.servers[server].clock.take().unwrap_or_default();
        let next = state.latest() + 1;
        let at = if self.fault == Some(TrustsTheClock) { next.max(clock) } else { next };
        let position = state.servers[server].position;
        let mut messages = state.messages();
        messages.retain(|message| position.is_some_and(|position| *message > position));
        let unseen = state.writers_where(|writer| !state.is_ended(writer));
        let early = self.fault == Some(LocksBeforeTime);
        let locks = early.then(|| state.servers[server].snapshot.take()).flatten();
        let locks = locks.and_then(|snapshot| snapshot.locks);
        state.servers[server].snapshot = Some(Snapshot { at, unseen, messages, locks });
    }

    /// Completes a poll. Returns the messages that the server sends.
    pub(super) fn complete(&self, state: &mut State, server: usize) -> Option<()> {
        let snapshot = state.servers[server].snapshot.take()?;
        let locks = snapshot.locks.clone();
        let locks = locks.unwrap_or_else(|| state.writers_where(|it| state.is_locked(it)));
        let it = &mut state.servers[server];
        it.polls += 1;
        let ignored = it.advance(self, &snapshot, &locks);
        let Some(position) = it.position else {
            // The first poll only finds the position.
            it.position = Some((snapshot.at, 0));
            self.attach(state, server);
            return Some(());
        };
        let watermark = if self.fault == Some(WaitsForNothing) { u8::MAX } else { it.watermark };
        let sent: Vec<Cursor> =
            snapshot.messages.into_iter().take_while(|(time, _)| *time < watermark).collect();
        let end = if watermark == u8::MAX { position } else { (watermark, 0) };
        it.position = Some(position.max(end).max(sent.last().copied().unwrap_or(position)));
        for writer in ignored {
            if !state.ignored.contains(&writer) {
                state.ignored.push(writer);
                state.ignored.sort_unstable();
            }
        }
        let client = &mut state.client;
        if client.server == Some(server) {
            client.waiting.extend(sent);
            if client.missed.is_none() {
                receive(client);
            }
        }
        Some(())
    }

    /// Subscribes the client to a server that has a position.
    pub(super) fn attach(&self, state: &mut State, server: usize) {
        let Some(position) = state.servers[server].position else { return };
        let client = &mut state.client;
        if client.server != Some(server) {
            return;
        }
        let last = client.received.last().copied().or(client.start);
        match last {
            None => client.start = Some(position),
            Some(last) if last < position && self.fault != Some(SkipsMissed) => {
                client.missed = Some(position);
            }
            Some(_) => {}
        }
    }

    pub(super) fn catch_up(state: &mut State) -> Option<()> {
        let until = state.client.missed.take()?;
        let last = state.client.received.last().copied().or(state.client.start)?;
        let mut messages = state.messages();
        messages.retain(|message| *message > last && *message <= until);
        messages.append(&mut state.client.waiting);
        state.client.waiting = messages;
        receive(&mut state.client);
        Some(())
    }

    pub(super) fn may_catch_up(&self, state: &State) -> bool {
        let Client { server: Some(server), missed: Some((time, _)), .. } = state.client else {
            return false;
        };
        state.servers[server].watermark >= time || self.fault == Some(CatchesUpAtOnce)
    }

    pub(super) fn writer_steps(&self, state: &State, writer: usize, steps: &mut Vec<Step>) {
        match state.writers[writer] {
            Stage::New => steps.push(Step::Begin(writer)),
            Stage::Numbered => steps.push(Step::Read(writer)),
            Stage::Reading(_) => steps.push(Step::Time(writer)),
            Stage::Timed { locked: false, .. } => steps.push(Step::Begin(writer)),
            Stage::Timed { prepared, .. } => {
                steps.extend([Step::Commit(writer), Step::Abort(writer)]);
                if self.prepares && !prepared {
                    steps.push(Step::Prepare(writer));
                }
            }
            Stage::Visible(_) => steps.push(Step::Release(writer)),
            Stage::Committed(_) | Stage::Gone => {}
        }
        let latest = state.messages().last().copied();
        if state.deletions_left > 0 && latest.is_some() && state.message(writer) == latest {
            steps.push(Step::Delete(writer));
        }
    }

    pub(super) fn server_steps(&self, state: &State, server: usize, steps: &mut Vec<Step>) {
        let it = &state.servers[server];
        let connected = state.client.server == Some(server);
        if it.snapshot.as_ref().is_some_and(|snapshot| snapshot.at > 0) {
            steps.push(Step::PollLocks(server));
        } else if it.clock.is_some() {
            steps.push(Step::PollSnapshot(server));
        } else if (connected || it.position.is_some()) && it.polls < self.max_polls {
            steps.push(Step::PollClock(server));
        }
        if state.crashes_left > 0 && (it.position.is_some() || it.is_polling()) {
            steps.push(Step::CrashServer(server));
        }
    }

    pub(super) fn change_writer(&self, state: &mut State, writer: usize, step: Step) {
        let stage = state.writers[writer];
        let next = match (step, stage) {
            (Step::Begin(_), Stage::New) if self.fault == Some(TimesBeforeLock) => Stage::Timed {
                time: state.clock.max(state.latest() + 1),
                locked: false,
                prepared: false,
            },
            (Step::Begin(_), Stage::Timed { time, .. }) => {
                Stage::Timed { time, locked: true, prepared: false }
            }
            (Step::Begin(_), _) => Stage::Numbered,
            (Step::Read(_), _) => Stage::Reading(state.latest()),
            (Step::Time(_), Stage::Reading(latest)) => {
                let trusts = self.fault == Some(PublishesByTheClock);
                let time = if trusts { state.clock } else { state.clock.max(latest + 1) };
                Stage::Timed { time, locked: true, prepared: false }
            }
            (Step::Prepare(_), Stage::Timed { time, .. }) => {
                Stage::Timed { time, locked: true, prepared: true }
            }
            (Step::Commit(_), Stage::Timed { time, .. }) => Stage::Visible(time),
            (Step::Release(_), Stage::Visible(time)) => Stage::Committed(time),
            (Step::Delete(_), Stage::Visible(time) | Stage::Committed(time)) => {
                state.deletions_left -= 1;
                if self.fault != Some(ForgetsDeleted) {
                    state.floor = state.floor.max(time);
                }
                Stage::Gone
            }
            (Step::Abort(_), _) => Stage::Gone,
            (_, stage) => stage,
        };
        state.writers[writer] = next;
    }

    pub(super) fn crash_database(state: &mut State) {
        state.crashes_left -= 1;
        for writer in &mut state.writers {
            match *writer {
                Stage::Numbered | Stage::Reading(_) | Stage::Timed { prepared: false, .. } => {
                    *writer = Stage::Gone
                }
                Stage::Visible(time) => *writer = Stage::Committed(time),
                _ => {}
            }
        }
        for server in &mut state.servers {
            (server.clock, server.snapshot) = (None, None);
        }
    }

    pub(super) fn disconnect(client: &mut Client) {
        client.server = None;
        client.missed = None;
        client.waiting.clear();
    }
}

/// Moves what waits for the client into what it has received, except what it has already.
pub(super) fn receive(client: &mut Client) {
    let start = client.start.unwrap_or_default();
    for message in client.waiting.drain(..) {
        let after = client.received.last().copied().unwrap_or(start);
        if message > after {
            client.received.push(message);
        }
    }
}
