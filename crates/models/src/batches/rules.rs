//! What each step does.

use super::parts::{Fault::*, *};

impl State {
    pub(super) fn is_settled(&self) -> bool {
        usize::from(self.arrived) == self.requests.len() && self.workers.iter().all(Option::is_none)
    }

    pub(super) fn is_consistent(&self, number: usize, answer: Answer) -> bool {
        let Request { applied, bad, .. } = self.requests[number];
        match answer {
            Answer::Output(of) => usize::from(of) == number && applied == 1,
            Answer::RowRejected(of) => usize::from(of) == number && bad && applied == 0,
            Answer::RolledBack | Answer::Overloaded => applied == 0,
            Answer::Unknown | Answer::Abandoned => true,
        }
    }

    pub(super) fn all_answers(&self, holds: impl Fn(usize, &Request, Answer) -> bool) -> bool {
        let mut requests = self.requests.iter().enumerate();
        requests.all(|(number, it)| it.answers.iter().all(|answer| holds(number, it, *answer)))
    }
}

impl Batches {
    /// The batch that a worker takes.
    pub(super) fn take(&self, state: &mut State, worker: usize) {
        let size = state.queue.len().min(self.max_batch);
        let batch: Vec<u8> = state.queue.drain(..size).collect();
        state.workers[worker] = if !batch.is_empty() {
            if self.fault == Some(AnswersBeforeCommit) {
                for number in &batch {
                    state.requests[usize::from(*number)].answers.push(Answer::Output(*number));
                }
            }
            Some(Worker::Whole(batch))
        } else if self.fault == Some(EndsInTwoSteps) {
            Some(Worker::Ending)
        } else {
            None
        };
    }

    /// The endings that the statement of a worker may have.
    pub(super) fn endings(state: &State, rows: &[u8]) -> Vec<Ending> {
        let rejected = rows.iter().any(|number| state.requests[usize::from(*number)].bad);
        let mut endings = vec![if rejected { Ending::RejectRow } else { Ending::Commit }];
        if state.failures_left > 0 {
            let lost = |committed| Ending::ConnectionLost { committed };
            endings.extend([Ending::Deadlock, lost(false), Ending::Panic { committed: false }]);
            if !rejected {
                endings.extend([lost(true), Ending::Panic { committed: true }]);
            }
        }
        endings
    }

    pub(super) fn finish(&self, state: &mut State, worker: usize, ending: Ending) {
        let (rows, rest, whole) = match state.workers[worker].take() {
            Some(Worker::Whole(rows)) => (rows, Vec::new(), true),
            Some(Worker::OneByOne(mut rows)) => {
                let rest = rows.split_off(1);
                (rows, rest, false)
            }
            other => {
                state.workers[worker] = other;
                return;
            }
        };
        let committed = match ending {
            Ending::Commit => true,
            Ending::RejectRow | Ending::Deadlock => false,
            Ending::ConnectionLost { committed } | Ending::Panic { committed } => committed,
        };
        if committed {
            for number in &rows {
                state.requests[usize::from(*number)].applied += 1;
            }
        }
        if !matches!(ending, Ending::Commit | Ending::RejectRow) {
            state.failures_left -= 1;
        }
        let repeats = match ending {
            Ending::RejectRow => self.fault != Some(FailsWholeBatch),
            Ending::Deadlock => true,
            Ending::ConnectionLost { .. } => self.fault == Some(RepeatsAfterUnknownOutcome),
            Ending::Commit | Ending::Panic { .. } => false,
        };
        if whole && repeats && rows.len() > 1 {
            state.workers[worker] = Some(Worker::OneByOne(rows));
            return;
        }
        state.workers[worker] = Some(self.answers(ending, &rows, rest));
    }

    /// The answers after a statement, and the rows that follow.
    pub(super) fn answers(&self, ending: Ending, rows: &[u8], mut rest: Vec<u8>) -> Worker {
        let shifted = if self.fault == Some(ShiftsResults) { rest.first() } else { None };
        let of_all = |answer| rows.iter().map(|number| (*number, answer)).collect::<Vec<_>>();
        let answers = match ending {
            Ending::Commit => rows
                .iter()
                .map(|number| (*number, Answer::Output(*shifted.unwrap_or(number))))
                .collect(),
            Ending::RejectRow if self.fault == Some(FailsWholeBatch) => {
                of_all(Answer::RowRejected(rows[0]))
            }
            Ending::RejectRow => {
                rows.iter().map(|number| (*number, Answer::RowRejected(*number))).collect()
            }
            Ending::Deadlock => of_all(Answer::RolledBack),
            Ending::ConnectionLost { .. } => {
                let mut answers = of_all(Answer::Unknown);
                let rest = std::mem::take(&mut rest);
                if self.fault != Some(ForgetsRest) {
                    answers.extend(rest.into_iter().map(|number| (number, Answer::Unknown)));
                }
                answers
            }
            Ending::Panic { .. } => {
                let mut answers = of_all(Answer::Abandoned);
                answers.extend(rest.drain(..).map(|number| (number, Answer::Abandoned)));
                answers
            }
        };
        Worker::Answering(answers, rest)
    }

    pub(super) fn time_out(&self, state: &mut State, number: u8) {
        state.requests[usize::from(number)].timed_out = true;
        let queued = state.queue.iter().position(|queued| *queued == number);
        if let Some(index) = queued {
            state.queue.remove(index);
        }
        if queued.is_some() || self.fault == Some(TimesOutRunning) {
            state.requests[usize::from(number)].answers.push(Answer::Overloaded);
        }
    }

    pub(super) fn arrive(&self, state: &mut State) {
        state.queue.push(state.arrived);
        state.arrived += 1;
        let running = state.workers.iter().flatten().count();
        if running < usize::from(self.max_workers)
            && let Some(place) = state.workers.iter_mut().find(|worker| worker.is_none())
        {
            *place = Some(Worker::Free);
        }
    }
}

/// Sends one answer of a worker; after the last, the worker goes on.
pub(super) fn send(state: &mut State, worker: usize, fault: Option<Fault>) {
    let Some(Worker::Answering(mut answers, rest)) = state.workers[worker].take() else { return };
    if !answers.is_empty() {
        let (number, answer) = answers.remove(0);
        let early = fault == Some(AnswersBeforeCommit) && matches!(answer, Answer::Output(_));
        if !early {
            state.requests[usize::from(number)].answers.push(answer);
        }
    }
    state.workers[worker] = Some(match (answers.is_empty(), rest.is_empty()) {
        (false, _) => Worker::Answering(answers, rest),
        (true, false) => Worker::OneByOne(rest),
        (true, true) => Worker::Free,
    });
}
