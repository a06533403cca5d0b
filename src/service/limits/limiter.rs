//! One rate limit and its counters (GCRA: each key has a time up to which it has used its share).

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::{service::error::Error, telemetry::metrics};

/// The number of counters. Two keys with the same counter share its limit; the hash function changes
/// at each start.
const COUNTERS: usize = 65_536;

/// A rate: so many at once, then one per interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    burst: u32,
    interval: Duration,
}

impl Rate {
    /// `limit` at once, and as many per minute. `None`, which is unlimited, if `limit` is 0.
    pub fn per_minute(limit: u32) -> Option<Self> {
        Self::new(limit, limit)
    }

    /// `burst` at once, then `per_minute`. `None`, which is unlimited, if `per_minute` is 0.
    pub fn new(burst: u32, per_minute: u32) -> Option<Self> {
        let interval = Duration::from_secs(60).checked_div(per_minute)?;
        Some(Self { burst: burst.max(1), interval })
    }

    /// A rate that is `factor` times higher.
    pub(super) fn times(self, factor: u32) -> Self {
        Self { burst: self.burst.saturating_mul(factor), interval: self.interval / factor }
    }

    fn interval(self) -> u64 {
        u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX)
    }
}

pub(super) struct Limiter {
    /// The label of rejected attempts in the metrics.
    name: &'static str,
    rate: Option<Rate>,
    /// For each counter, the time up to which its share is used, in nanoseconds since `start`.
    used_until: Vec<AtomicU64>,
    hasher: RandomState,
    start: Instant,
}

/// One attempt within the limit. Given back when dropped, unless it is kept.
pub(in crate::service) struct Taken<'a> {
    limiter: &'a Limiter,
    /// `None` without a limit.
    counter: Option<usize>,
}

impl Limiter {
    pub(super) fn new(name: &'static str, rate: Option<Rate>) -> Self {
        let counters = if rate.is_some() { COUNTERS } else { 0 };
        let used_until = (0..counters).map(|_| AtomicU64::new(0)).collect();
        Self { name, rate, used_until, hasher: RandomState::new(), start: Instant::now() }
    }

    /// Counts an attempt. Returns an error if the limit is exceeded.
    pub(super) fn check(&self, key: impl Hash) -> Result<(), Error> {
        self.take(key).map(Taken::keep)
    }

    /// Counts an attempt that can be given back. Returns an error if the limit is exceeded.
    pub(super) fn take(&self, key: impl Hash) -> Result<Taken<'_>, Error> {
        self.take_at(self.start.elapsed(), key)
    }

    fn take_at(&self, now: Duration, key: impl Hash) -> Result<Taken<'_>, Error> {
        let Some(rate) = self.rate else { return Ok(Taken { limiter: self, counter: None }) };
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let longest = rate.interval().saturating_mul(rate.burst.into());
        #[expect(clippy::cast_possible_truncation, reason = "keys share counters on purpose")]
        let counter = self.hasher.hash_one(key) as usize % COUNTERS;
        let advance = |used: u64| {
            let used = used.max(now).saturating_add(rate.interval());
            (used - now <= longest).then_some(used)
        };
        let relaxed = Ordering::Relaxed;
        match self.used_until[counter].fetch_update(relaxed, relaxed, advance) {
            Ok(_) => Ok(Taken { limiter: self, counter: Some(counter) }),
            Err(used) => {
                let wait = used.saturating_add(rate.interval()) - now - longest;
                let retry_after = whole_seconds(Duration::from_nanos(wait));
                metrics::rate_limited(self.name);
                Err(Error::RateLimited { retry_after })
            }
        }
    }
}

impl Taken<'_> {
    /// Counts the attempt for good.
    pub(super) fn keep(mut self) {
        self.counter = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let (Some(counter), Some(rate)) = (self.counter, self.limiter.rate) {
            let give_back = |used: u64| Some(used.saturating_sub(rate.interval()));
            let used_until = &self.limiter.used_until[counter];
            let _ = used_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give_back);
        }
    }
}

/// Rounds up to whole seconds, at least one, for `Retry-After`.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.as_secs() == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn check(limiter: &Limiter, now: Duration, key: &str) -> Result<(), Error> {
        limiter.take_at(now, key).map(Taken::keep)
    }

    #[test]
    fn a_burst_passes_and_then_one_per_interval() {
        let limiter = Limiter::new("test", Rate::new(30, 20));
        assert!((0..30).all(|_| check(&limiter, SECOND, "ann").is_ok()));
        let error = check(&limiter, SECOND, "ann").expect_err("above the limit");
        assert!(matches!(error, Error::RateLimited { retry_after: 3 }), "{error:?}");
        for number in 1..5 {
            let now = SECOND + 3 * SECOND * number;
            check(&limiter, now - SECOND / 10, "ann").expect_err("too early");
            check(&limiter, now, "ann").expect("one per interval");
            check(&limiter, now, "ann").expect_err("only one");
        }
    }

    #[test]
    fn an_attempt_that_is_given_back_does_not_count() {
        let limiter = Limiter::new("test", Rate::per_minute(2));
        for _ in 0..100 {
            drop(limiter.take_at(SECOND, "ann").expect("within the limit"));
        }
        check(&limiter, SECOND, "ann").expect("within the limit");
        let second = limiter.take_at(SECOND, "ann").expect("within the limit");
        check(&limiter, SECOND, "ann").expect_err("the second attempt counts until it is dropped");
        drop(second);
        check(&limiter, SECOND, "ann").expect("within the limit");
    }

    #[test]
    fn keys_are_limited_separately() {
        let limiter = Limiter::new("test", Rate::per_minute(1));
        // Some of 100 keys may share a counter, but not half of them.
        let passed = (0..100).filter(|key| limiter.check(key).is_ok()).count();
        assert!(passed > 50, "{passed}");
    }

    #[test]
    fn no_limit_applies_without_a_rate() {
        let unlimited = Limiter::new("test", Rate::per_minute(0));
        assert!((0..1_000).all(|_| unlimited.check("ann").is_ok()));
        assert_eq!(Rate::new(30, 0), None);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }

    proptest! {
        /// A client that waits for `Retry-After` is not rejected again, whatever it did before.
        #[test]
        fn after_the_wait_an_attempt_passes(
            burst in 1u32..100, per_minute in 1u32..1_000,
            steps in prop::collection::vec(0u64..5_000, 1..300),
        ) {
            let limiter = Limiter::new("test", Rate::new(burst, per_minute));
            let mut now = Duration::ZERO;
            for step in steps {
                now += Duration::from_millis(step);
                if let Err(Error::RateLimited { retry_after }) = check(&limiter, now, "ann") {
                    prop_assert!((1..=61).contains(&retry_after));
                    now += Duration::from_secs(retry_after);
                    prop_assert!(check(&limiter, now, "ann").is_ok());
                }
            }
        }

        /// No window has more attempts than the burst and the refill of its time.
        #[test]
        fn attempts_never_exceed_the_burst_and_the_rate(
            burst in 1u32..50, per_minute in 1u32..600, seconds in 1u64..120,
        ) {
            let limiter = Limiter::new("test", Rate::new(burst, per_minute));
            let attempts = (0..seconds * 20).map(|step| Duration::from_millis(step * 50));
            let passed = attempts.filter(|now| check(&limiter, *now, "ann").is_ok()).count();
            let refilled = u64::from(per_minute) * seconds / 60 + 1;
            prop_assert!(passed as u64 <= u64::from(burst) + refilled, "{passed}");
        }
    }
}
