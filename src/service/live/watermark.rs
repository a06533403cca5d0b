//! The watermark: the time before which no message can still be committed.
//!
//! A message gets its time after its transaction has an id. So a message published before a poll is
//! either visible to the next poll, or belongs to a transaction that was running during the first
//! poll. Once all transactions that a poll saw have ended, every message published before that poll
//! is visible. The time of a poll is that of the latest message, not of the clock. Publication times
//! never go back, so all this holds after a step of the clock as well.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use crate::db::messages::live::{Poll, Prepared};

pub(super) struct Watermark {
    /// The longest wait for one transaction.
    max_wait: Duration,
    first_seen: HashMap<i64, Instant>,
    /// The polls from the watermark on: the time of each, and the transactions running then.
    pending: VecDeque<(OffsetDateTime, Vec<i64>)>,
    time: OffsetDateTime,
}

impl Watermark {
    pub(super) fn new(max_wait: Duration) -> Self {
        Self {
            max_wait,
            first_seen: HashMap::new(),
            pending: VecDeque::new(),
            time: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// The prepared transactions of a poll that are older than the longest wait.
    pub(super) fn overdue<'p>(&self, poll: &'p Poll) -> impl Iterator<Item = &'p Prepared> {
        let max_wait = self.max_wait;
        poll.prepared.iter().filter(move |it| it.age >= max_wait)
    }

    /// Takes a poll into account. Returns the watermark, which never moves back.
    pub(super) fn advance(&mut self, poll: &Poll) -> OffsetDateTime {
        let is_waited_for = |number: &i64| {
            let first_seen = self.first_seen.get(number);
            poll.unseen.contains(*number)
                && first_seen.is_none_or(|first_seen| poll.taken - *first_seen < self.max_wait)
        };
        while let Some((at, _)) =
            self.pending.pop_front_if(|(_, writers)| !writers.iter().any(is_waited_for))
        {
            self.time = self.time.max(at);
        }
        let overdue: Vec<i64> = self.overdue(poll).map(|it| it.transaction).collect();
        let writers: Vec<i64> =
            poll.writers.iter().copied().filter(|it| !overdue.contains(it)).collect();
        let first_seen = |number: &i64| {
            (*number, self.first_seen.get(number).copied().unwrap_or(begin(poll, *number)))
        };
        self.first_seen = writers.iter().map(first_seen).collect();
        self.pending.push_back((poll.at, writers));
        self.time
    }
}

/// When the wait for a transaction begins that no earlier poll has found. The age of a prepared one is
/// known, so a server that starts does not wait for it again.
fn begin(poll: &Poll, transaction: i64) -> Instant {
    let prepared = poll.prepared.iter().find(|it| it.transaction == transaction);
    prepared.and_then(|it| poll.taken.checked_sub(it.age)).unwrap_or(poll.taken)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::db::messages::live::Unseen;

    const START: OffsetDateTime = datetime!(2020-02-20 00:00 UTC);
    const SECOND: Duration = Duration::from_secs(1);

    /// The running transactions of a poll, and those that its snapshot does not show: all from one
    /// id on, and some lower ones.
    type Transactions<'a> = (&'a [i64], i64, &'a [i64]);

    /// The watermark in seconds after each of these polls, which are a second apart.
    fn watermarks(max_wait: u32, polls: &[Transactions]) -> Vec<Option<i64>> {
        let mut watermark = Watermark::new(max_wait * SECOND);
        let now = Instant::now();
        let advanced = polls.iter().zip(0..).map(|((writers, from, among), second)| {
            let unseen = Unseen { from: *from, among: among.to_vec() };
            let (at, taken) = (START + second * SECOND, now + second * SECOND);
            let (writers, messages) = (writers.to_vec(), Vec::new());
            let prepared = Vec::new();
            watermark.advance(&Poll { at, taken, writers, prepared, unseen, messages })
        });
        let seconds = |time: OffsetDateTime| (time - START).whole_seconds();
        advanced.map(|time| (time >= START).then(|| seconds(time))).collect()
    }

    #[test]
    fn without_transactions_the_watermark_is_the_previous_poll() {
        let polls: &[Transactions] = &[(&[], 5, &[]), (&[], 5, &[]), (&[], 8, &[])];
        assert_eq!(watermarks(9, polls), [None, Some(0), Some(1)]);
    }

    #[test]
    fn the_watermark_waits_until_all_transactions_of_a_poll_have_ended() {
        let polls: &[Transactions] = &[
            (&[3, 4], 5, &[3, 4]),
            (&[3], 5, &[3]),
            // 5 is the highest id so far, which a snapshot does not show.
            (&[5], 5, &[]),
            (&[5], 5, &[]),
            // 5 has ended, but after this snapshot.
            (&[], 5, &[]),
            (&[7], 9, &[7]),
            (&[7], 9, &[7]),
        ];
        let expected = [None, None, Some(1), Some(1), Some(1), Some(4), Some(4)];
        assert_eq!(watermarks(9, polls), expected);
    }

    #[test]
    fn an_endless_transaction_delays_the_watermark_once() {
        let polls: &[Transactions] = &[
            (&[4], 5, &[4]),
            (&[4], 5, &[4]),
            (&[4], 5, &[4]),
            (&[4, 6], 7, &[4, 6]),
            (&[4], 7, &[4, 6]),
            (&[4], 8, &[4]),
        ];
        assert_eq!(watermarks(2, polls), [None, None, Some(1), Some(2), Some(2), Some(4)]);
    }

    #[test]
    fn a_prepared_transaction_is_waited_for_until_it_is_too_old() {
        let poll = |second: u32, age: u32| Poll {
            at: START + second * SECOND,
            taken: Instant::now() + second * SECOND,
            writers: vec![4],
            prepared: vec![Prepared {
                transaction: 4,
                name: "forgotten".to_owned(),
                since: START,
                age: age * SECOND,
            }],
            unseen: Unseen { from: 5, among: vec![4] },
            messages: Vec::new(),
        };
        // The age is above the longest wait from the start on, or exceeds it between two polls.
        for (ages, expected) in [([9, 10, 11], [0, 1]), ([8, 9, 10], [0, 1]), ([0, 1, 2], [-1, -1])]
        {
            let mut watermark = Watermark::new(9 * SECOND);
            watermark.advance(&poll(0, ages[0]));
            for second in [1, 2] {
                let time = watermark.advance(&poll(second, ages[second as usize]));
                let seconds = (time - START).whole_seconds().max(-1);
                assert_eq!(seconds, expected[second as usize - 1], "{ages:?}");
            }
        }
        let names: Vec<_> = Watermark::new(9 * SECOND).overdue(&poll(0, 9)).cloned().collect();
        assert_eq!(names[0].name, "forgotten");
        assert_eq!(Watermark::new(9 * SECOND).overdue(&poll(0, 8)).count(), 0);
    }
}
