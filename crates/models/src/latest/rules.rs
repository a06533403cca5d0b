//! What each step does.

use super::parts::{Fault::*, *};

impl State {
    /// The request whose value is shown.
    pub fn shown(&self) -> Option<usize> {
        self.rows.iter().flatten().max().map(|(_, request)| *request)
    }

    /// Whether the shown value may follow `request`, which has been answered.
    pub(super) fn may_follow(&self, shown: usize, request: usize) -> bool {
        let (later, earlier) = (&self.requests[shown], &self.requests[request]);
        let in_order = later.row != earlier.row || later.number >= earlier.number;
        in_order && !earlier.after.contains(&shown)
    }

    pub(super) fn is_settled(&self, model: &Latest) -> bool {
        let idle = self.processes.iter().all(|process| process.write.is_none());
        let done = |it: &Process| it.recorded == it.succeeded.max(it.failed);
        let missed = model.fault == Some(MissesArrivals);
        self.requests.len() == model.requests
            && idle
            && (missed || self.processes.iter().all(done))
            && (0..self.requests.len()).all(|request| self.outcome(model, request).is_none())
    }

    /// The answer that a waiting request would get now.
    pub(super) fn outcome(&self, model: &Latest, request: usize) -> Option<bool> {
        let it = &self.requests[request];
        if it.answer.is_some() || it.forgotten {
            return None;
        }
        let Process { succeeded, failed, write, .. } = &self.processes[it.process];
        if model.fault == Some(AnswersBeforeCommit)
            && write.as_ref().is_some_and(|write| it.number <= write.number)
        {
            return Some(true);
        }
        if model.fault == Some(RemembersOneOutcome) && *failed > *succeeded {
            return (it.number <= *failed).then_some(false);
        }
        if it.number <= *succeeded { Some(true) } else { (it.number <= *failed).then_some(false) }
    }

    /// Whether the value of each request, or a later one of its process, has been committed.
    pub(super) fn written(&self) -> Vec<bool> {
        let written = |it: &Request| {
            let Process { succeeded, write, .. } = &self.processes[it.process];
            let committed = write.as_ref().filter(|write| write.changed == Some(true));
            let committed = committed.map_or(*succeeded, |write| write.number);
            !it.forgotten && it.number <= committed.max(*succeeded)
        };
        self.requests.iter().map(written).collect()
    }

    /// Runs a statement from its drawn number on.
    pub(super) fn apply(&mut self, model: &Latest, write: &mut Write) {
        let drawn = write.drawn.unwrap_or_default();
        let row = &mut self.rows[write.row];
        let changes = match row {
            None => true,
            Some((number, _)) => {
                Some(*number) == write.expected || model.fault == Some(ExpectsNothing)
            }
        };
        if changes {
            *row = Some((drawn, write.request));
        }
        write.changed = Some(changes);
    }

    pub(super) fn draw(&mut self, model: &Latest, row: usize) -> u8 {
        if model.fault == Some(NumbersAlone) {
            return self.rows[row].map_or(1, |(number, _)| number + 1);
        }
        self.drawn += 1;
        self.drawn
    }
}

impl Latest {
    pub(super) fn arrive(&self, state: &mut State, process: usize) {
        let succeeded = |it: &Request| it.answer == Some(true);
        let after = state.requests.iter().enumerate().filter(|(_, it)| succeeded(it));
        let after = after.map(|(number, _)| number).collect();
        let it = &mut state.processes[process];
        it.recorded += 1;
        if self.fault != Some(KeepsLargest) || it.last.is_none() {
            it.last = Some(state.requests.len());
        }
        state.requests.push(Request {
            process,
            row: it.row,
            number: it.recorded,
            after,
            answer: None,
            forgotten: false,
            failed_wrongly: false,
            flushed: false,
            excused: false,
        });
    }

    pub(super) fn returned(&self, state: &mut State, process: usize) {
        let it = &mut state.processes[process];
        let Some(write) = it.write.take() else { return };
        if write.changed == Some(true) {
            it.succeeded =
                if self.fault == Some(CompletesTooMany) { it.recorded } else { write.number };
            if self.fault == Some(MissesArrivals) {
                it.last = None;
            }
            it.expected = write.drawn;
        } else {
            // Another statement of this process has changed the row: it reads the number and repeats.
            it.must_read = true;
        }
    }

    pub(super) fn give_up(state: &mut State, process: usize) {
        let it = &mut state.processes[process];
        let Some(write) = it.write.take() else { return };
        it.failed = write.number;
        it.must_read = true;
        if write.changed.is_none() {
            state.strays.push(write);
        }
    }

    pub(super) fn crash_database(state: &mut State) {
        state.crashes_left -= 1;
        let written = state.written();
        state.rows.clone_from(&state.flushed);
        state.strays.clear();
        for process in 0..state.processes.len() {
            Self::give_up(state, process);
        }
        // A running statement does not survive.
        state.strays.clear();
        for (number, written) in written.into_iter().enumerate() {
            let request = &mut state.requests[number];
            request.excused |= written && !request.flushed;
        }
    }

    pub(super) fn crash_process(state: &mut State, process: usize) {
        state.crashes_left -= 1;
        let row = state.rows.len();
        state.rows.push(None);
        state.flushed.push(None);
        let crashed = &mut state.processes[process];
        let write = crashed.write.take().filter(|write| write.changed.is_none());
        *crashed = Process { row, recorded: crashed.recorded, ..Process::default() };
        crashed.succeeded = crashed.recorded;
        state.strays.extend(write);
        for request in state.requests.iter_mut().filter(|it| it.process == process) {
            request.forgotten |= request.answer.is_none();
        }
    }

    pub(super) fn flush(state: &mut State) {
        state.flushed.clone_from(&state.rows);
        for (number, written) in state.written().into_iter().enumerate() {
            state.requests[number].flushed |= written;
        }
    }

    pub(super) fn steps_of(&self, state: &State, process: usize, steps: &mut Vec<Step>) {
        let it = &state.processes[process];
        match &it.write {
            None if it.must_read => steps.push(Step::Read(process)),
            None if it.last.is_some() && it.recorded > it.succeeded.max(it.failed) => {
                steps.push(Step::Begin(process));
            }
            None => {}
            Some(write) => {
                steps.push(match (write.drawn, write.changed) {
                    (None, _) => Step::Draw(process),
                    (Some(_), None) => Step::Commit(process),
                    (Some(_), Some(_)) => Step::Return(process),
                });
                if state.failures_left > 0 {
                    steps.push(Step::GiveUp(process));
                }
            }
        }
    }
}
