//! Generates the rows of `minitwit seed`: users, messages and follows like those of a MiniTwit after a
//! year.
//!
//! The same [`Volume`] gives the same rows on any machine and date, so that benchmarks can name users
//! by number. Does no I/O; uses the row types of `db`, and `domain`.

mod follows;
mod names;
mod popularity;
mod texts;
mod volume;

pub use self::{
    follows::{Follows, READER_FOLLOWS},
    names::{FIRST_NAMES, username},
    volume::Volume,
};
use self::{
    popularity::Popularity,
    texts::Texts,
    volume::{FIRST_MESSAGE, FIRST_SIGN_UP, moment, user_id},
};
use crate::{
    db::seed::{MessageRow, UserRow},
    domain::{Invalid, PasswordHash},
};

/// The password of all seeded users.
pub const PASSWORD: &str = "follow-the-reader";
/// The bcrypt hash of [`PASSWORD`] at cost 10, shared by all users: 100,000 hashes would take over an
/// hour.
const PASSWORD_HASH: &str = "$2b$10$MiniTwitSeededAccountenGWRW3NveATznNP/7jUluvqO62U7ByC";

impl Volume {
    /// The users by number, which is also the order of their registrations.
    pub fn users(self) -> impl Iterator<Item = Result<UserRow, Invalid>> {
        let password_hash = PasswordHash::parse(PASSWORD_HASH)
            .map_err(|_| Invalid::new("The password hash of the seed is malformed"));
        (1..=self.users).map(move |number| {
            Ok(UserRow {
                id: user_id(number),
                username: username(number)?,
                email: names::email(number)?,
                password_hash: password_hash.clone()?,
                created_at: moment(FIRST_SIGN_UP, number - 1, self.users),
            })
        })
    }

    /// The messages, oldest first. User 1 has the most.
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

    /// The follows, by follower. User 1 has the most followers.
    pub fn follows(self) -> Follows {
        Follows::new(self)
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;

    const SMALL: Volume = Volume { users: 700, messages: 3_000, follows: 5_000, seed: 1 };

    #[test]
    fn texts_depend_on_the_seed_alone() {
        let texts = |volume: Volume| -> Vec<String> {
            volume.messages().map(|it| it.expect("valid").text.as_str().to_owned()).collect()
        };
        let other = Volume { seed: 2, ..SMALL };
        assert_eq!(texts(SMALL), texts(SMALL));
        assert_ne!(texts(SMALL), texts(other));
    }

    #[test]
    fn times_increase_and_are_in_the_past() {
        let mut last = FIRST_SIGN_UP - Duration::SECOND;
        let registered = SMALL.users().map(|it| it.expect("valid").created_at);
        let published = SMALL.messages().map(|it| it.expect("valid").published_at);
        for time in registered.chain(published) {
            assert!(last < time, "{last} {time}");
            last = time;
        }
        assert!(last < OffsetDateTime::now_utc());
    }

    #[test]
    fn the_first_user_has_far_more_messages_than_the_median() {
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
