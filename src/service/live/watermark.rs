//! Up to which time every message is known.
//!
//! A message's time is taken while its transaction has a number. So what was published before a look
//! began is either there at the next look, or the work of a transaction that was still at work
//! during the first one. Once all of these have ended, everything up to that look is there.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use time::OffsetDateTime;

use crate::db::messages::live::Poll;

/// Follows the looks at a database.
pub(super) struct Watermark {
    /// How long a transaction is waited for.
    patience: Duration,
    /// Since when each transaction that is at work has been seen to be.
    since: HashMap<i64, OffsetDateTime>,
    /// When looks were, and who was at work then; only those before which something may still be
    /// published.
    looks: VecDeque<(OffsetDateTime, Vec<i64>)>,
    settled: OffsetDateTime,
}

impl Watermark {
    /// Nothing is known yet.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            since: HashMap::new(),
            looks: VecDeque::new(),
            settled: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Takes a look into account. Returns the time before which it has everything that will ever be
    /// there; the time never moves back.
    pub(super) fn see(&mut self, look: &Poll) -> OffsetDateTime {
        let waited_for = |number: &i64| {
            let since = self.since.get(number);
            look.unseen.contains(*number)
                && since.is_none_or(|since| look.at - *since < self.patience)
        };
        while let Some((at, _)) =
            self.looks.pop_front_if(|(_, writers)| !writers.iter().any(waited_for))
        {
            self.settled = self.settled.max(at);
        }
        let since = |number: &i64| (*number, self.since.get(number).copied().unwrap_or(look.at));
        self.since = look.writers.iter().map(since).collect();
        self.looks.push_back((look.at, look.writers.clone()));
        self.settled
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::db::messages::live::Unseen;

    const BEGIN: OffsetDateTime = datetime!(2020-02-20 00:00 UTC);
    const SECOND: Duration = Duration::from_secs(1);

    /// What [`Watermark::see`] says, in seconds, of looks a second apart, each with those at work, and
    /// the snapshot: the number from which on none is seen, and the others that are not.
    fn settled(patience: u32, looks: &[(&[i64], i64, &[i64])]) -> Vec<Option<i64>> {
        let mut horizon = Watermark::new(patience * SECOND);
        let times = (0..).map(|second| BEGIN + second * SECOND);
        let seen = looks.iter().zip(times).map(|((writers, from, among), at)| {
            let unseen = Unseen { from: *from, among: among.to_vec() };
            horizon.see(&Poll { at, writers: writers.to_vec(), unseen, messages: Vec::new() })
        });
        let seconds = |time: OffsetDateTime| (time - BEGIN).whole_seconds();
        seen.map(|time| (time >= BEGIN).then(|| seconds(time))).collect()
    }

    #[test]
    fn a_look_at_which_nobody_works_is_settled_by_the_next() {
        let looks: &[(&[i64], i64, &[i64])] = &[(&[], 5, &[]), (&[], 5, &[]), (&[], 8, &[])];
        assert_eq!(settled(9, looks), [None, Some(0), Some(1)]);
    }

    #[test]
    fn a_look_is_settled_when_all_that_were_at_work_are_seen_to_have_ended() {
        let looks: &[(&[i64], i64, &[i64])] = &[
            (&[3, 4], 5, &[3, 4]),
            (&[3], 5, &[3]),
            // 5 is the highest number there is, of which a snapshot does not tell.
            (&[5], 5, &[]),
            (&[5], 5, &[]),
            // It has ended since this snapshot was taken.
            (&[], 5, &[]),
            (&[7], 9, &[7]),
            (&[7], 9, &[7]),
        ];
        let expected = [None, None, Some(1), Some(1), Some(1), Some(4), Some(4)];
        assert_eq!(settled(9, looks), expected);
    }

    #[test]
    fn the_one_that_never_ends_is_waited_for_once() {
        let looks: &[(&[i64], i64, &[i64])] = &[
            (&[4], 5, &[4]),
            (&[4], 5, &[4]),
            (&[4], 5, &[4]),
            (&[4, 6], 7, &[4, 6]),
            (&[4], 7, &[4, 6]),
            (&[4], 8, &[4]),
        ];
        assert_eq!(settled(2, looks), [None, None, Some(1), Some(2), Some(2), Some(4)]);
    }
}
