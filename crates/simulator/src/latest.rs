//! Which values of `latest` are right, once commands were under way at the same time.
//!
//! The request that arrives last sets it, and of two requests it is known which arrived last only
//! when one was answered before the other was sent. So a command can have been the last when none that
//! surely set `latest` was sent after its answer had come. A command whose effect is uncertain may
//! have arrived at any time since it was sent.

use tokio::time::Instant;

use super::outcome::Effect;

/// The commands that can have been the last to arrive.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// When the last command was sent that surely set it.
    last_sent: Option<Instant>,
    /// Their numbers, and when they had surely arrived, if they ever had.
    arrived: Vec<(i64, Option<Instant>)>,
    /// Beyond this length those that cannot be the last are dropped.
    sweep_at: usize,
}

impl Candidates {
    /// Takes note of a command that was sent, and ended, at these times.
    pub(super) fn add(&mut self, number: i64, sent: Instant, ended: Instant, effect: Effect) {
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

    /// The values that are right, where `before` was right before the first command.
    pub(super) fn possible(&self, before: i64) -> Vec<i64> {
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
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut candidates = Candidates::default();
        for &(number, sent, ended, effect) in commands {
            candidates.add(number, at(sent), at(ended), effect);
        }
        candidates.possible(-1)
    }

    #[test]
    fn of_commands_in_turn_the_last_counts() {
        use Effect::Happened;
        assert_eq!(possible(&[]), [-1]);
        assert_eq!(possible(&[(7, 0, 1, Happened), (3, 2, 3, Happened)]), [3]);
        let many: Vec<_> = (0..500).map(|it| (it as i64, 2 * it, 2 * it + 1, Happened)).collect();
        assert_eq!(possible(&many), [499]);
    }

    #[test]
    fn of_commands_at_once_any_may_have_been_the_last() {
        use Effect::Happened;
        // 1 had been answered when 3 was sent; 2 had not.
        let commands = [(1, 0, 2, Happened), (3, 3, 5, Happened), (2, 1, 4, Happened)];
        assert_eq!(possible(&commands), [2, 3]);
    }

    #[test]
    fn what_is_uncertain_may_or_may_not_count() {
        use Effect::{Happened, Nothing, Uncertain};
        assert_eq!(possible(&[(1, 0, 1, Uncertain), (2, 2, 3, Nothing)]), [-1, 1]);
        assert_eq!(possible(&[(1, 0, 1, Uncertain), (2, 2, 3, Happened)]), [1, 2]);
    }
}
