//! Generates follows: most users have some dozens of followees; a third of all users follow the most
//! popular users.

use std::collections::HashSet;

use rand::{Rng, RngExt, rngs::StdRng};
use time::{Duration, OffsetDateTime};

use super::{
    popularity::Popularity,
    volume::{FIRST_MESSAGE, Volume, YEAR, user_id},
};
use crate::db::seed::FollowRow;

/// The reader's number of followees, unless there are fewer users or follows.
pub const READER_FOLLOWS: u32 = 500;

/// Random picks per followee; after them, the generator takes the lowest free numbers. For a user who
/// follows almost all users, random picks rarely find a new followee.
const PICKS_PER_FOLLOWEE: u32 = 20;

/// All follows, by follower, oldest first.
pub struct Follows {
    rng: StdRng,
    popularity: Popularity,
    users: u32,
    followee_counts: Vec<u32>,
    /// The number of the follower whose follows are in `rest`.
    follower: u32,
    rest: std::vec::IntoIter<FollowRow>,
}

impl Follows {
    pub(super) fn new(volume: Volume) -> Self {
        let mut rng = volume.rng(2);
        let followee_counts = followee_counts(volume, &mut rng);
        let popularity = Popularity::new(volume.users);
        let rest = Vec::new().into_iter();
        Self { rng, popularity, users: volume.users, followee_counts, follower: 0, rest }
    }

    /// The follows of one user, at random times in ascending order.
    fn of(&mut self, follower: u32, count: u32) -> Vec<FollowRow> {
        let followees = self.followees(follower, count);
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

    fn followees(&mut self, follower: u32, count: u32) -> Vec<u32> {
        let mut used = HashSet::from([follower]);
        let mut followees = Vec::new();
        let mut picks = count.saturating_mul(PICKS_PER_FOLLOWEE);
        while followees.len() < count as usize && picks > 0 {
            let followee = self.popularity.pick(&mut self.rng);
            if used.insert(followee) {
                followees.push(followee);
            }
            picks -= 1;
        }
        let missing = count as usize - followees.len();
        followees.extend((1..=self.users).filter(|number| !used.contains(number)).take(missing));
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
            let count = *self.followee_counts.get(self.follower as usize)?;
            self.follower += 1;
            self.rest = self.of(self.follower, count).into_iter();
        }
    }
}

/// The number of followees of each user, by index. They are exponentially distributed, except for the
/// reader's, and add up to the volume's follows.
fn followee_counts(volume: Volume, rng: &mut impl Rng) -> Vec<u32> {
    let max = volume.users.saturating_sub(1);
    let reader = volume.reader() as usize - 1;
    let reader_count = READER_FOLLOWS.min(max).min(volume.follows);
    let limit = |index| if index == reader { 0 } else { max };

    let mut weights: Vec<f64> =
        (0..volume.users).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
    weights[reader] = 0.0;
    let mut left = volume.follows - reader_count;
    let follows_per_weight = f64::from(left) / weights.iter().sum::<f64>().max(f64::EPSILON);

    // The fraction of a follow, and what exceeds a user's limit, is carried to the next user.
    let mut carry = 0.0;
    let mut counts = vec![0; weights.len()];
    for (index, weight) in weights.iter().enumerate() {
        carry += weight * follows_per_weight;
        counts[index] = (carry as u32).min(limit(index)).min(left);
        carry -= f64::from(counts[index]);
        left -= counts[index];
    }
    // What remains after the last user goes to the first users.
    for (index, count) in counts.iter_mut().enumerate() {
        let more = left.min(limit(index) - *count);
        *count += more;
        left -= more;
    }
    counts[reader] = reader_count;
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(users: u32, follows: u32) -> Vec<(i64, i64)> {
        let volume = Volume { users, messages: 0, follows, seed: 7 };
        volume.follows().map(|it| (it.follower.0, it.followee.0)).collect()
    }

    #[test]
    fn the_number_of_follows_is_exact_and_each_is_unique() {
        for (users, follows) in
            [(1, 0), (2, 2), (10, 0), (10, 1), (10, 37), (10, 90), (600, 600), (3_000, 90_000)]
        {
            let pairs = generated(users, follows);
            assert_eq!(pairs.len(), follows as usize, "{users} {follows}");
            assert_eq!(HashSet::<_>::from_iter(&pairs).len(), pairs.len(), "{users} {follows}");
            assert!(pairs.iter().all(|(follower, followee)| follower != followee));
        }
    }

    #[test]
    fn the_reader_follows_exactly_500_and_user_1_has_the_most_followers() {
        let pairs = generated(3_000, 90_000);
        let follows = pairs.iter().filter(|(follower, _)| *follower == 500).count();
        assert_eq!(follows, READER_FOLLOWS as usize);
        let followers = |number| pairs.iter().filter(|(_, followee)| *followee == number).count();
        assert!(followers(1) > 10 * followers(1_500), "{} {}", followers(1), followers(1_500));
    }
}
