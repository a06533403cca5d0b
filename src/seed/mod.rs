//! Made-up users, messages and follows, such as a MiniTwit has after a year: what `minitwit seed`
//! fills a database with.
//!
//! The same numbers make the same rows, whatever the machine and the day. Whoever loads such a
//! database can name its users by number. May use `db`, for its rows, and `domain`; does no I/O.

mod follows;
mod names;
mod popularity;
mod texts;

use rand::{SeedableRng, rngs::StdRng};
use time::{Duration, OffsetDateTime, macros::datetime};

pub use self::{
    follows::{Follows, READER_FOLLOWS},
    names::{FIRST_NAMES, username},
};
use self::{popularity::Popularity, texts::Texts};
use crate::{
    db::seed::{MessageRow, UserRow},
    domain::{Invalid, PasswordHash, UserId},
};

/// The password of all seeded users.
pub const PASSWORD: &str = "follow-the-reader";
/// The hash of [`PASSWORD`] by bcrypt at cost 10, one for all: to hash 100,000 takes an hour and more.
const PASSWORD_HASH: &str = "$2b$10$MiniTwitSeededAccountenGWRW3NveATznNP/7jUluvqO62U7ByC";

/// The number of the user who follows exactly [`READER_FOLLOWS`] others, in a database that has so
/// many users; in a smaller one it is the last user.
const READER: u32 = 500;

/// Everybody signs up in the year before the first message.
const FIRST_SIGN_UP: OffsetDateTime = datetime!(2024-01-01 00:00 UTC);
/// Messages and follows come during a year, which is over: nothing that a server adds is older.
const FIRST_MESSAGE: OffsetDateTime = datetime!(2025-01-01 00:00 UTC);
const YEAR: Duration = Duration::days(365);

/// How much is made up, and which of the possible worlds it is.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    /// How many users, numbered from 1.
    pub users: u32,
    /// How many messages.
    pub messages: u32,
    /// How many pairs of follower and followee.
    pub follows: u32,
    /// Another seed makes other rows.
    pub seed: u64,
}

impl Volume {
    /// The number of the user who follows exactly [`READER_FOLLOWS`] others.
    #[must_use]
    pub fn reader(&self) -> u32 {
        READER.min(self.users)
    }

    /// How many pairs there can be: everybody follows everybody else.
    #[must_use]
    pub fn possible_follows(&self) -> u64 {
        u64::from(self.users) * u64::from(self.users.saturating_sub(1))
    }

    /// The users in the order of their numbers, which is also the order in which they signed up.
    pub fn users(self) -> impl Iterator<Item = Result<UserRow, Invalid>> {
        let password_hash = PasswordHash::new(PASSWORD_HASH.to_owned());
        (1..=self.users).map(move |number| {
            Ok(UserRow {
                id: user_id(number),
                username: username(number)?,
                email: names::email(number)?,
                password_hash: password_hash.clone(),
                created_at: moment(FIRST_SIGN_UP, number - 1, self.users),
            })
        })
    }

    /// The messages from the oldest to the newest. User 1 writes most.
    pub fn messages(self) -> impl Iterator<Item = Result<MessageRow, Invalid>> {
        let mut rng = self.rng(1);
        let authors = Popularity::new(self.users);
        let texts = Texts::new(self.users);
        (1..=self.messages).map(move |number| {
            Ok(MessageRow {
                id: number.into(),
                author: user_id(authors.pick(&mut rng)),
                text: texts.text(&mut rng)?,
                published_at: moment(FIRST_MESSAGE, number - 1, self.messages),
            })
        })
    }

    /// The follows by the number of the follower. User 1 has most followers.
    #[must_use]
    pub fn follows(self) -> Follows {
        Follows::new(self)
    }

    /// A source of random numbers for one kind of rows, so that the kinds do not depend on each other.
    fn rng(self, kind: u64) -> StdRng {
        // Neighbouring numbers seed sequences that have nothing in common.
        StdRng::seed_from_u64(self.seed.rotate_left(8) ^ kind)
    }
}

fn user_id(number: u32) -> UserId {
    UserId(number.into())
}

/// The time of the `index`th of `count` events that are spread evenly over the year after `begin`.
fn moment(begin: OffsetDateTime, index: u32, count: u32) -> OffsetDateTime {
    let micros = YEAR.whole_microseconds() * i128::from(index) / i128::from(count.max(1));
    // A year of microseconds fits by far.
    begin + Duration::microseconds(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Volume = Volume { users: 700, messages: 3_000, follows: 5_000, seed: 1 };

    #[test]
    fn the_same_seed_makes_the_same_world_and_another_seed_another() {
        let texts = |volume: Volume| -> Vec<String> {
            volume.messages().map(|it| it.expect("valid").text.as_str().to_owned()).collect()
        };
        let other = Volume { seed: 2, ..SMALL };
        assert_eq!(texts(SMALL), texts(SMALL));
        assert_ne!(texts(SMALL), texts(other));
    }

    #[test]
    fn times_increase_and_are_over() {
        let mut last = FIRST_SIGN_UP - Duration::SECOND;
        let signed_up = SMALL.users().map(|it| it.expect("valid").created_at);
        let published = SMALL.messages().map(|it| it.expect("valid").published_at);
        for time in signed_up.chain(published) {
            assert!(last < time, "{last} {time}");
            last = time;
        }
        assert!(last < OffsetDateTime::now_utc());
    }

    #[test]
    fn the_first_user_writes_far_more_than_the_median() {
        let mut counts = vec![0_u32; 701];
        for message in SMALL.messages() {
            let author = message.expect("valid").author.0;
            counts[usize::try_from(author).expect("small")] += 1;
        }
        let first = counts[1];
        counts.sort_unstable();
        assert!(first > 20 * counts[350].max(1), "{first} {}", counts[350]);
    }
}
