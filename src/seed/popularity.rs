//! A power law: few users are read and heard by most.

use rand::{Rng, RngExt};

/// The exponent of the law: the user of rank r is picked in proportion to r^-0.8. Of 100,000 users
/// the first is picked 1.6 times in a hundred, and the last half together 14 times.
const EXPONENT: f64 = 0.8;

/// Picks users, the more often the lower their number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Popularity {
    users: u32,
    /// The end of the law's integral, which begins at 0 for the first user.
    end: f64,
}

impl Popularity {
    pub(super) fn new(users: u32) -> Self {
        // The ranks are the interval from 1 to users + 1, of which each user has a unit.
        let end = (f64::from(users) + 1.0).powf(1.0 - EXPONENT) - 1.0;
        Self { users, end }
    }

    /// A user's number, from 1. (By inversion of the law's integral.)
    pub(super) fn pick(&self, rng: &mut impl Rng) -> u32 {
        let rank = (1.0 + rng.random::<f64>() * self.end).powf(1.0 / (1.0 - EXPONENT));
        // A cast of a float saturates; rounding may pass the last user by one.
        (rank as u32).clamp(1, self.users)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_share_of_each_is_as_documented() {
        let mut rng = StdRng::seed_from_u64(1);
        let popularity = Popularity::new(100_000);
        let picked: Vec<u32> = (0..100_000).map(|_| popularity.pick(&mut rng)).collect();
        let share = |range: std::ops::RangeInclusive<u32>| {
            picked.iter().filter(|number| range.contains(number)).count()
        };
        assert!((1_500..1_800).contains(&share(1..=1)), "{}", share(1..=1));
        assert!((13_000..15_500).contains(&share(50_001..=100_000)));
        assert_eq!(share(1..=100_000), 100_000);
    }

    #[test]
    fn the_only_user_is_always_picked() {
        let mut rng = StdRng::seed_from_u64(1);
        assert!((0..100).all(|_| Popularity::new(1).pick(&mut rng) == 1));
    }
}
