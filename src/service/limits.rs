//! Rate limits for sign-in, registration and posting.
//!
//! Each replica enforces them separately. Accounts and addresses are hashed into a fixed number of
//! buckets, which bounds the memory. Two keys in one bucket share its limit; the hash function
//! changes at each start.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};

use super::error::Error;
use crate::domain::UserId;

/// The client of a request, as the rate limits see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client at this address.
    Address(IpAddr),
    /// The simulator, authenticated; no limit applies to it.
    Simulator,
}

/// The attempts allowed per minute, which is also the largest burst; `None` is unlimited.
pub type PerMinute = Option<NonZeroU32>;

/// Settings of the rate limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimits {
    /// Attempts to sign in to one account, and other checks of its password.
    pub sign_ins_per_account: PerMinute,
    /// Attempts to sign in from one address.
    pub sign_ins_per_address: PerMinute,
    /// Attempts to register from one address.
    pub registrations_per_address: PerMinute,
    /// Messages of one account.
    pub posts_per_account: PerMinute,
}

/// The rate limits and their counters. Each `check_…` counts an attempt and returns an error if the
/// limit is exceeded.
pub(super) struct Limits {
    sign_ins_per_account: Limiter,
    sign_ins_per_address: Limiter,
    registrations_per_address: Limiter,
    posts_per_account: Limiter,
}

impl Limits {
    pub(super) fn new(limits: &RateLimits) -> Self {
        Self {
            sign_ins_per_account: Limiter::new(limits.sign_ins_per_account),
            sign_ins_per_address: Limiter::new(limits.sign_ins_per_address),
            registrations_per_address: Limiter::new(limits.registrations_per_address),
            posts_per_account: Limiter::new(limits.posts_per_account),
        }
    }

    pub(super) fn check_sign_in(&self, origin: Origin) -> Result<(), Error> {
        self.sign_ins_per_address.check_origin(origin)
    }

    pub(super) fn check_password(&self, account: UserId) -> Result<(), Error> {
        self.sign_ins_per_account.check(account)
    }

    pub(super) fn check_registration(&self, origin: Origin) -> Result<(), Error> {
        self.registrations_per_address.check_origin(origin)
    }

    pub(super) fn check_post(&self, author: UserId) -> Result<(), Error> {
        self.posts_per_account.check(author)
    }
}

/// The key of a client: its IPv4 address, or the /64 network that providers assign to one IPv6
/// client.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(prefix).into()
        }
    }
}

/// The number of a bucket. 65,536 buckets of about 20 bytes use at most 2 MB per limit.
type Bucket = u16;

/// One limit and its buckets (GCRA).
struct Limiter {
    limiter: Option<RateLimiter<Bucket, HashMapStateStore<Bucket>, DefaultClock>>,
    hasher: RandomState,
}

impl Limiter {
    fn new(limit: PerMinute) -> Self {
        let limiter = limit.map(|limit| RateLimiter::hashmap(Quota::per_minute(limit)));
        Self { limiter, hasher: RandomState::new() }
    }

    fn check_origin(&self, origin: Origin) -> Result<(), Error> {
        match origin {
            Origin::Simulator => Ok(()),
            Origin::Address(address) => self.check(network(address)),
        }
    }

    fn check(&self, key: impl Hash) -> Result<(), Error> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        #[expect(clippy::cast_possible_truncation, reason = "keys share buckets on purpose")]
        let bucket = self.hasher.hash_one(key) as Bucket;
        limiter.check_key(&bucket).map_err(|not_until| {
            let wait = not_until.wait_time_from(limiter.clock().now());
            Error::RateLimited { retry_after: whole_seconds(wait) }
        })
    }
}

/// Rounds up to whole seconds, at least one, for `Retry-After`.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.as_secs() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_minute(limit: u32) -> Limiter {
        Limiter::new(NonZeroU32::new(limit))
    }

    #[test]
    fn an_attempt_above_the_limit_is_rejected_with_the_seconds_to_wait() {
        let limiter = per_minute(2);
        limiter.check("ann").expect("within the limit");
        limiter.check("ann").expect("within the limit");
        let error = limiter.check("ann").expect_err("above the limit");
        assert!(matches!(error, Error::RateLimited { retry_after: 1..=30 }), "{error:?}");
    }

    #[test]
    fn keys_are_limited_separately() {
        let limiter = per_minute(1);
        // Some of 100 keys may share a bucket, but not half of them.
        let passed = (0..100).filter(|key| limiter.check(key).is_ok()).count();
        assert!(passed > 50, "{passed}");
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let limiter = per_minute(1);
        for key in 0..200_000 {
            let _ = limiter.check(key);
        }
        let buckets = limiter.limiter.as_ref().expect("a limit").len();
        assert!(buckets <= usize::from(Bucket::MAX) + 1, "{buckets}");
    }

    #[test]
    fn no_limit_applies_without_a_setting_or_to_the_simulator() {
        let unlimited = per_minute(0);
        assert!((0..1_000).all(|_| unlimited.check("ann").is_ok()));
        let limits = Limits::new(&RateLimits {
            registrations_per_address: NonZeroU32::new(1),
            ..RateLimits::default()
        });
        assert!((0..1_000).all(|_| limits.check_registration(Origin::Simulator).is_ok()));
    }

    #[test]
    fn an_ipv6_client_counts_as_its_64_bit_network() {
        let network = |text: &str| network(text.parse().expect("an address")).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }
}
