//! How often somebody may try what costs the server much, or others: signing in, signing up, posting.
//!
//! The limits hold in this process; of several replicas each has its own. What is counted falls into
//! a fixed number of buckets, so that no flood of names or addresses takes more memory: two that
//! share a bucket share its limit, and which do is drawn anew at each start.

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

use super::{Error, Service};
use crate::domain::{Cursor, MessageText, User, UserId};

/// Who asks, as far as limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody at this address.
    Address(IpAddr),
    /// The simulator, which has proved that it is; it is never limited.
    Simulator,
}

/// How many attempts a minute are let pass, and as many at once; `None` is no limit.
pub type PerMinute = Option<NonZeroU32>;

/// The limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimits {
    /// Attempts to sign in to one account, and other uses of its password.
    pub sign_ins_per_account: PerMinute,
    /// Attempts to sign in from one address.
    pub sign_ins_per_address: PerMinute,
    /// Attempts to sign up from one address.
    pub registrations_per_address: PerMinute,
    /// Messages of one account.
    pub posts_per_account: PerMinute,
}

/// All limits, and what has been counted.
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

    /// Counts an attempt to sign in, before it is known as whom.
    pub(super) fn sign_in_from(&self, origin: Origin) -> Result<(), Error> {
        check_origin(&self.sign_ins_per_address, origin)
    }

    /// Counts an attempt to tell this account's password.
    pub(super) fn password_of(&self, account: UserId) -> Result<(), Error> {
        self.sign_ins_per_account.check(account)
    }

    /// Counts an attempt to sign up.
    pub(super) fn registration(&self, origin: Origin) -> Result<(), Error> {
        check_origin(&self.registrations_per_address, origin)
    }

    /// Counts a message.
    pub(super) fn post(&self, author: UserId) -> Result<(), Error> {
        self.posts_per_account.check(author)
    }
}

impl Service {
    /// Posts a message of somebody who is signed in, as [`Service::post`] does, but not more often
    /// than the limits allow. Returns its place on the timelines.
    ///
    /// # Errors
    /// When `author` has posted too much of late, is gone, or when the database fails.
    pub async fn post_as(&self, author: User, text: MessageText) -> Result<Cursor, Error> {
        self.inner.limits.post(author.id)?;
        self.post(author.username, text).await
    }
}

fn check_origin(limiter: &Limiter, origin: Origin) -> Result<(), Error> {
    match origin {
        Origin::Simulator => Ok(()),
        Origin::Address(address) => limiter.check(network(address)),
    }
}

/// What stands for one client: an IPv4 address, or the /64 that a client of IPv6 has for itself.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(prefix).into()
        }
    }
}

/// The buckets of a limit are numbered by 16 bits: at some 20 bytes each, 2 MB at most.
type Bucket = u16;

/// A limit and its buckets, each of which refills with time (GCRA).
struct Limiter {
    limiter: Option<RateLimiter<Bucket, HashMapStateStore<Bucket>, DefaultClock>>,
    hasher: RandomState,
}

impl Limiter {
    fn new(limit: PerMinute) -> Self {
        let limiter = limit.map(|limit| RateLimiter::hashmap(Quota::per_minute(limit)));
        Self { limiter, hasher: RandomState::new() }
    }

    /// Counts one attempt of `key`.
    fn check(&self, key: impl Hash) -> Result<(), Error> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        // The lowest bits of a hash are as good as any.
        #[expect(clippy::cast_possible_truncation, reason = "buckets are meant to be shared")]
        let bucket = self.hasher.hash_one(key) as Bucket;
        limiter.check_key(&bucket).map_err(|not_until| {
            let wait = not_until.wait_time_from(limiter.clock().now());
            Error::TooMany { retry_after: whole_seconds(wait) }
        })
    }
}

/// Seconds, rounded up, and at least one: what `Retry-After` can say.
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
    fn beyond_the_limit_an_attempt_is_refused_and_told_when_to_try_again() {
        let limiter = per_minute(2);
        limiter.check("ann").expect("the first");
        limiter.check("ann").expect("the second");
        let refusal = limiter.check("ann").expect_err("the third");
        assert!(matches!(refusal, Error::TooMany { retry_after: 1..=30 }), "{refusal:?}");
    }

    #[test]
    fn each_key_has_a_limit_of_its_own() {
        let limiter = per_minute(1);
        // Two of few keys may share a bucket; that all do, they cannot.
        let passed = (0..100).filter(|key| limiter.check(key).is_ok()).count();
        assert!(passed > 50, "{passed}");
    }

    #[test]
    fn no_number_of_keys_takes_more_than_the_buckets() {
        let limiter = per_minute(1);
        for key in 0..200_000 {
            let _ = limiter.check(key);
        }
        let buckets = limiter.limiter.as_ref().expect("a limit").len();
        assert!(buckets <= usize::from(Bucket::MAX) + 1, "{buckets}");
    }

    #[test]
    fn without_a_limit_and_for_the_simulator_everything_passes() {
        let unlimited = per_minute(0);
        assert!((0..1_000).all(|_| unlimited.check("ann").is_ok()));
        let limits = Limits::new(&RateLimits {
            registrations_per_address: NonZeroU32::new(1),
            ..RateLimits::default()
        });
        assert!((0..1_000).all(|_| limits.registration(Origin::Simulator).is_ok()));
    }

    #[test]
    fn a_client_of_ipv6_is_its_network() {
        let network = |text: &str| network(text.parse().expect("an address")).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }
}
