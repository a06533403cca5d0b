//! Which values of `latest` are correct after commands that overlapped in time.
//!
//! The request that arrives last sets `latest`. The client knows the order of two requests only if
//! one response came before the other request was sent. So a command may have arrived last unless
//! another command, sent after its response, certainly set `latest`. A command with an uncertain
//! effect may have arrived at any time since it was sent.

use tokio::time::Instant;

use crate::outcome::Effect;

/// The commands that may have arrived last.
#[derive(Debug, Default)]
pub(crate) struct LatestCandidates {
    /// When the last command that certainly set `latest` was sent.
    last_sent: Option<Instant>,
    /// Command numbers, and when each had certainly arrived.
    arrived: Vec<(i64, Option<Instant>)>,
    /// Length at which impossible candidates are removed.
    sweep_at: usize,
}

impl LatestCandidates {
    pub(crate) fn add(&mut self, number: i64, sent: Instant, ended: Instant, effect: Effect) {
        let arrived = match effect {
            Effect::Nothing => return,
            Effect::Uncertain => None,
            Effect::Happened => {
                self.last_sent = self.last_sent.max(Some(sent));
                Some(ended)
            }
        };
        self.arrived.push((number, arrived));
        if self.arrived.len() > self.sweep_at {
            let last_sent = self.last_sent;
            self.arrived.retain(|(_, arrived)| may_be_last(*arrived, last_sent));
            self.sweep_at = 2 * self.arrived.len() + 64;
        }
    }

    /// The correct values, if `before` was the value before the first command.
    pub(crate) fn possible(&self, before: i64) -> Vec<i64> {
        let candidates = self.arrived.iter();
        let candidates = candidates.filter(|(_, arrived)| may_be_last(*arrived, self.last_sent));
        let mut possible: Vec<i64> = candidates.map(|(number, _)| *number).collect();
        if self.last_sent.is_none() {
            possible.push(before);
        }
        possible.sort_unstable();
        possible.dedup();
        possible
    }
}

fn may_be_last(arrived: Option<Instant>, last_sent: Option<Instant>) -> bool {
    arrived.is_none_or(|arrived| last_sent.is_none_or(|last_sent| arrived >= last_sent))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn possible(commands: &[(i64, u64, u64, Effect)]) -> Vec<i64> {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut candidates = LatestCandidates::default();
        for &(number, sent, ended, effect) in commands {
            candidates.add(number, at(sent), at(ended), effect);
        }
        candidates.possible(-1)
    }

    #[test]
    fn after_sequential_commands_only_the_last_is_possible() {
        use Effect::Happened;
        assert_eq!(possible(&[]), [-1]);
        assert_eq!(possible(&[(7, 0, 1, Happened), (3, 2, 3, Happened)]), [3]);
        let many: Vec<_> = (0..500).map(|it| (it as i64, 2 * it, 2 * it + 1, Happened)).collect();
        assert_eq!(possible(&many), [499]);
    }

    #[test]
    fn after_overlapping_commands_each_of_them_is_possible() {
        use Effect::Happened;
        // The response to 1 came before 3 was sent; the response to 2 did not.
        let commands = [(1, 0, 2, Happened), (3, 3, 5, Happened), (2, 1, 4, Happened)];
        assert_eq!(possible(&commands), [2, 3]);
    }

    #[test]
    fn an_uncertain_command_is_possible_in_addition() {
        use Effect::{Happened, Nothing, Uncertain};
        assert_eq!(possible(&[(1, 0, 1, Uncertain), (2, 2, 3, Nothing)]), [-1, 1]);
        assert_eq!(possible(&[(1, 0, 1, Uncertain), (2, 2, 3, Happened)]), [1, 2]);
    }
}
