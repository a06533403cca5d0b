//! The time before which all messages are committed, so that they can be indexed for search.

use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use crate::db::search_blocks::Moment;

/// Waits for the transactions before a moment, without blocking.
#[derive(Default)]
pub(super) struct Settling {
    /// A moment whose earlier transactions may still run.
    pending: Mutex<Option<Moment>>,
}

impl Settling {
    /// Returns the time of an earlier moment if all transactions before it have ended by `now`.
    pub(super) fn settle(&self, now: Moment) -> Option<OffsetDateTime> {
        // No code panics while it holds the lock.
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = *pending.get_or_insert(now);
        if now.all_ended_before < earlier.transaction {
            return None;
        }
        *pending = Some(now);
        Some(earlier.at)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_settled_once_all_earlier_transactions_have_ended() {
        let moment = |minute: u8, transaction, all_ended_before| {
            let at = datetime!(2020-02-20 12:00 UTC).replace_minute(minute).expect("a minute");
            Moment { at, transaction, all_ended_before }
        };
        let settling = Settling::default();
        assert_eq!(settling.settle(moment(1, 10, 7)), None);
        assert_eq!(settling.settle(moment(2, 11, 9)), None, "the transaction 9 runs");
        assert_eq!(settling.settle(moment(3, 12, 10)), Some(moment(1, 0, 0).at));
        assert_eq!(settling.settle(moment(4, 13, 11)), None);
        assert_eq!(settling.settle(moment(5, 14, 14)), Some(moment(3, 0, 0).at));
    }
}
