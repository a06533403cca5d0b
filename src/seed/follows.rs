//! Who follows whom: most follow some dozens, popular users are followed by a third of all.

use std::collections::HashSet;

use rand::{Rng, RngExt, rngs::StdRng};
use time::{Duration, OffsetDateTime};

use super::{FIRST_MESSAGE, Volume, YEAR, popularity::Popularity, user_id};
use crate::db::seed::FollowRow;

/// How many others the reader follows, if there are so many and so many follows.
pub const READER_FOLLOWS: u32 = 500;

/// After so many picks for each followee the rest is taken by number: whoever follows nearly all
/// would otherwise be picking the last ones for long.
const PICKS: u32 = 20;

/// The follows, by the number of the follower and then from the oldest to the newest.
pub struct Follows {
    rng: StdRng,
    popularity: Popularity,
    users: u32,
    degrees: Vec<u32>,
    /// The number of the follower whose follows are in `rest`.
    follower: u32,
    rest: std::vec::IntoIter<FollowRow>,
}

impl Follows {
    pub(super) fn new(volume: Volume) -> Self {
        let mut rng = volume.rng(2);
        let degrees = degrees(volume, &mut rng);
        let popularity = Popularity::new(volume.users);
        let rest = Vec::new().into_iter();
        Self { rng, popularity, users: volume.users, degrees, follower: 0, rest }
    }

    /// The follows of one user, whose times are random and increase.
    fn of(&mut self, follower: u32, degree: u32) -> Vec<FollowRow> {
        let followees = self.followees(follower, degree);
        let mut times: Vec<OffsetDateTime> = followees.iter().map(|_| self.time()).collect();
        times.sort_unstable();
        let pairs = followees.into_iter().zip(times);
        let follow = |(followee, created_at)| FollowRow {
            follower: user_id(follower),
            followee: user_id(followee),
            created_at,
        };
        pairs.map(follow).collect()
    }

    fn followees(&mut self, follower: u32, degree: u32) -> Vec<u32> {
        let mut taken = HashSet::from([follower]);
        let mut followees = Vec::new();
        let mut picks = degree.saturating_mul(PICKS);
        while followees.len() < degree as usize && picks > 0 {
            let followee = self.popularity.pick(&mut self.rng);
            if taken.insert(followee) {
                followees.push(followee);
            }
            picks -= 1;
        }
        let missing = degree as usize - followees.len();
        followees.extend((1..=self.users).filter(|number| !taken.contains(number)).take(missing));
        followees
    }

    fn time(&mut self) -> OffsetDateTime {
        let micros = i64::try_from(YEAR.whole_microseconds()).unwrap_or(i64::MAX);
        FIRST_MESSAGE + Duration::microseconds(self.rng.random_range(0..micros))
    }
}

impl Iterator for Follows {
    type Item = FollowRow;

    fn next(&mut self) -> Option<FollowRow> {
        loop {
            if let Some(follow) = self.rest.next() {
                return Some(follow);
            }
            let degree = *self.degrees.get(self.follower as usize)?;
            self.follower += 1;
            self.rest = self.of(self.follower, degree).into_iter();
        }
    }
}

/// How many each user follows, in the order of their numbers. The sum is the volume's, if that is
/// possible at all; the numbers are exponentially distributed, but for the reader's.
fn degrees(volume: Volume, rng: &mut impl Rng) -> Vec<u32> {
    let most = volume.users.saturating_sub(1);
    let reader = volume.reader() as usize - 1;
    let readers = READER_FOLLOWS.min(most).min(volume.follows);
    let mut left = volume.follows - readers;
    let mut shares: Vec<f64> =
        (0..volume.users).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
    shares[reader] = 0.0;
    let follows_a_share = f64::from(left) / shares.iter().sum::<f64>().max(f64::EPSILON);

    let mut degrees = vec![0; shares.len()];
    degrees[reader] = readers;
    let others = || (0..shares.len()).filter(|index| *index != reader);
    // What is due to one user beyond whole follows, or beyond everybody, passes to the next.
    let mut due = 0.0;
    for index in others() {
        due += shares[index] * follows_a_share;
        degrees[index] = (due as u32).min(most).min(left);
        due -= f64::from(degrees[index]);
        left -= degrees[index];
    }
    for index in others() {
        let more = left.min(most - degrees[index]);
        degrees[index] += more;
        left -= more;
    }
    degrees
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(users: u32, follows: u32) -> Vec<(i64, i64)> {
        let volume = Volume { users, messages: 0, follows, seed: 7 };
        volume.follows().map(|it| (it.follower.0, it.followee.0)).collect()
    }

    #[test]
    fn there_are_exactly_as_many_and_no_two_are_the_same() {
        for (users, follows) in
            [(1, 0), (2, 2), (10, 0), (10, 1), (10, 37), (10, 90), (600, 600), (3_000, 90_000)]
        {
            let pairs = made(users, follows);
            assert_eq!(pairs.len(), follows as usize, "{users} {follows}");
            assert_eq!(HashSet::<_>::from_iter(&pairs).len(), pairs.len(), "{users} {follows}");
            assert!(pairs.iter().all(|(follower, followee)| follower != followee));
        }
    }

    #[test]
    fn the_reader_follows_exactly_500_and_user_1_has_most_followers() {
        let pairs = made(3_000, 90_000);
        let follows = pairs.iter().filter(|(follower, _)| *follower == 500).count();
        assert_eq!(follows, READER_FOLLOWS as usize);
        let followers = |number| pairs.iter().filter(|(_, followee)| *followee == number).count();
        assert!(followers(1) > 10 * followers(1_500), "{} {}", followers(1), followers(1_500));
    }
}
