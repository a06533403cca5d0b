//! The number of generated rows, their random numbers, and their times.

use rand::{SeedableRng, rngs::StdRng};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::domain::UserId;

/// The number of the user with exactly [`super::READER_FOLLOWS`] followees; with fewer users, the last one.
const READER: u32 = 500;

/// Users register during the year before the first message.
pub(super) const FIRST_SIGN_UP: OffsetDateTime = datetime!(2024-01-01 00:00 UTC);
/// Messages and follows are spread over a past year, so that rows added by a server are newer.
pub(super) const FIRST_MESSAGE: OffsetDateTime = datetime!(2025-01-01 00:00 UTC);
pub(super) const YEAR: Duration = Duration::days(365);

/// The number of generated rows, and their seed.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    /// Number of users, who are numbered from 1.
    pub users: u32,
    /// Number of messages.
    pub messages: u32,
    /// Number of follows.
    pub follows: u32,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Volume {
    /// The number of the user with exactly [`super::READER_FOLLOWS`] followees.
    pub fn reader(&self) -> u32 {
        READER.min(self.users)
    }

    /// The largest possible number of follows: all users follow all others.
    pub fn max_follows(&self) -> u64 {
        u64::from(self.users) * u64::from(self.users.saturating_sub(1))
    }

    /// The random numbers of one table, independent of the other tables.
    pub(super) fn rng(self, table: u64) -> StdRng {
        // Even similar seeds give unrelated sequences.
        StdRng::seed_from_u64(self.seed.rotate_left(8) ^ table)
    }
}

pub(super) fn user_id(number: u32) -> UserId {
    UserId(number.into())
}

/// The time of event `index` of `count`, spread evenly over the year after `begin`.
pub(super) fn moment(begin: OffsetDateTime, index: u32, count: u32) -> OffsetDateTime {
    let micros = YEAR.whole_microseconds() * i128::from(index) / i128::from(count.max(1));
    // The microseconds of a year fit.
    begin + Duration::microseconds(i64::try_from(micros).unwrap_or(i64::MAX))
}
