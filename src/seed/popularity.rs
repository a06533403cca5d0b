//! Random users by a power law: a few users are far more popular than the rest.

use rand::{Rng, RngExt};

/// The weight of the user with rank r is r^-0.8. Of 100,000 users, the first has 1.6 % of the weight,
/// and the last half together has 14 %.
const EXPONENT: f64 = 0.8;

/// Picks users; low numbers are more probable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Popularity {
    users: u32,
    /// The integral of the law over all users.
    end: f64,
}

impl Popularity {
    pub(super) fn new(users: u32) -> Self {
        // Each user covers a unit of the interval from 1 to users + 1.
        let end = (f64::from(users) + 1.0).powf(1.0 - EXPONENT) - 1.0;
        Self { users, end }
    }

    /// Picks a user's number, from 1, by inverting the integral.
    pub(super) fn pick(&self, rng: &mut impl Rng) -> u32 {
        let rank = (1.0 + rng.random::<f64>() * self.end).powf(1.0 / (1.0 - EXPONENT));
        // The cast saturates, and rounding may exceed the last user by one.
        (rank as u32).clamp(1, self.users)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_shares_are_as_documented() {
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
    fn a_single_user_is_always_picked() {
        let mut rng = StdRng::seed_from_u64(1);
        assert!((0..100).all(|_| Popularity::new(1).pick(&mut rng) == 1));
    }
}
