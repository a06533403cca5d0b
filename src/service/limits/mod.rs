//! Rate limits for sign-in, registration, posts, other changes, and downloads.
//!
//! Each replica enforces them separately. Accounts and addresses are hashed into a fixed number of
//! counters, which bounds the memory.
//!
//! Wrong passwords are counted per account and client, so that guesses by one client do not deny
//! the account's owner at another. A client from which the account has signed in before is known:
//! its right password is always accepted.

mod limiter;

use std::net::{IpAddr, Ipv6Addr};

pub use limiter::Rate;

use self::limiter::{Limiter, Taken};
use super::error::Error;
use crate::{
    domain::{TokenHash, UserId},
    telemetry::metrics,
};

/// How many times more wrong passwords all unknown clients together may send for one account than
/// one of them. It bounds guessing from many addresses.
const STRANGERS: u32 = 10;

/// The client of a request, as the rate limits see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client at this address.
    Address(IpAddr),
    /// The simulator, authenticated; no limit applies to it.
    Simulator,
}

/// Settings of the rate limits; `None` is unlimited.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimits {
    /// Wrong passwords for one account from one address.
    pub sign_ins_per_account: Option<Rate>,
    /// Attempts to sign in from one address.
    pub sign_ins_per_address: Option<Rate>,
    /// Attempts to register from one address.
    pub registrations_per_address: Option<Rate>,
    /// Messages of one account.
    pub posts_per_account: Option<Rate>,
    /// Edits, follows and unfollows by one account.
    pub changes_per_account: Option<Rate>,
    /// Downloads of the own data of one account.
    pub downloads_per_account: Option<Rate>,
}

/// A client that sends a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guesser {
    /// A client that a session or a bearer token has authenticated.
    Authenticated(TokenHash),
    /// A client from which the account has signed in before.
    Known(IpAddr),
    /// Any other client.
    Unknown(IpAddr),
}

/// The rate limits and their counters. Each `check_…` counts an attempt and returns an error if the
/// limit is exceeded.
pub(super) struct Limits {
    wrong_passwords: Limiter,
    wrong_passwords_of_strangers: Limiter,
    sign_ins_per_address: Limiter,
    registrations_per_address: Limiter,
    posts_per_account: Limiter,
    changes_per_account: Limiter,
    downloads_per_account: Limiter,
}

/// A check of a password that has begun. It counts only if the password is wrong.
pub(super) enum Guess<'a> {
    /// Counted already, so that concurrent guesses cannot exceed the limit.
    Counted { client: Taken<'a>, strangers: Option<Taken<'a>> },
    /// Not counted yet: the right password is accepted even above the limit.
    Known { limits: &'a Limits, account: UserId, network: IpAddr },
}

impl Limits {
    pub(super) fn new(limits: &RateLimits) -> Self {
        let of_strangers = limits.sign_ins_per_account.map(|rate| rate.times(STRANGERS));
        let limiter = |name, rate| {
            metrics::has_rate_limit(name);
            Limiter::new(name, rate)
        };
        Self {
            wrong_passwords: limiter("sign_ins_per_account", limits.sign_ins_per_account),
            wrong_passwords_of_strangers: limiter("sign_ins_of_unknown_clients", of_strangers),
            sign_ins_per_address: limiter("sign_ins_per_address", limits.sign_ins_per_address),
            registrations_per_address: limiter(
                "registrations_per_address",
                limits.registrations_per_address,
            ),
            posts_per_account: limiter("posts_per_account", limits.posts_per_account),
            changes_per_account: limiter("changes_per_account", limits.changes_per_account),
            downloads_per_account: limiter("downloads_per_account", limits.downloads_per_account),
        }
    }

    pub(super) fn check_sign_in(&self, address: IpAddr) -> Result<(), Error> {
        self.sign_ins_per_address.check(network(address))
    }

    /// Begins the check of a password. Returns an error if the client, or all unknown clients
    /// together, have sent too many wrong ones for this account.
    pub(super) fn begin_guess(
        &self,
        account: UserId,
        guesser: &Guesser,
    ) -> Result<Guess<'_>, Error> {
        match guesser {
            Guesser::Authenticated(credential) => {
                let client = self.wrong_passwords.take((account, credential))?;
                Ok(Guess::Counted { client, strangers: None })
            }
            Guesser::Known(address) => {
                Ok(Guess::Known { limits: self, account, network: network(*address) })
            }
            Guesser::Unknown(address) => {
                let client = self.wrong_passwords.take((account, network(*address)))?;
                let strangers = Some(self.wrong_passwords_of_strangers.take(account)?);
                Ok(Guess::Counted { client, strangers })
            }
        }
    }

    /// Begins the check of a password for a name that no account has. It is limited like that of an
    /// unknown client of an account, so that the limit does not reveal which names exist.
    pub(super) fn begin_guess_of_unknown_name(
        &self,
        name: &str,
        address: IpAddr,
    ) -> Result<Guess<'_>, Error> {
        let client = self.wrong_passwords.take((name, network(address)))?;
        let strangers = Some(self.wrong_passwords_of_strangers.take(name)?);
        Ok(Guess::Counted { client, strangers })
    }

    pub(super) fn check_registration(&self, origin: Origin) -> Result<(), Error> {
        match origin {
            Origin::Simulator => Ok(()),
            Origin::Address(address) => self.registrations_per_address.check(network(address)),
        }
    }

    pub(super) fn check_post(&self, author: UserId) -> Result<(), Error> {
        self.posts_per_account.check(author)
    }

    pub(super) fn check_change(&self, user: UserId) -> Result<(), Error> {
        self.changes_per_account.check(user)
    }

    pub(super) fn check_download(&self, user: UserId) -> Result<(), Error> {
        self.downloads_per_account.check(user)
    }
}

impl Guess<'_> {
    /// Counts the wrong password. Returns the error for the client.
    pub(super) fn wrong(self) -> Error {
        match self {
            Self::Counted { client, strangers } => {
                client.keep();
                strangers.into_iter().for_each(Taken::keep);
                Error::WrongPassword
            }
            Self::Known { limits, account, network } => {
                let counted = limits.wrong_passwords.check((account, network));
                counted.err().unwrap_or(Error::WrongPassword)
            }
        }
    }
}

/// The key of a client: its IPv4 address, or the /64 network that providers assign to one IPv6
/// client.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(prefix).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SessionToken;

    const ANN: UserId = UserId(1);

    fn limits(sign_ins_per_account: u32) -> Limits {
        let sign_ins_per_account = Rate::per_minute(sign_ins_per_account);
        Limits::new(&RateLimits { sign_ins_per_account, ..RateLimits::default() })
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// Sends wrong passwords until the limit is exceeded. Returns how many were not rejected.
    fn wrong_passwords(limits: &Limits, guesser: &Guesser) -> usize {
        let guesses = std::iter::repeat_with(|| match limits.begin_guess(ANN, guesser) {
            Ok(guess) => guess.wrong(),
            Err(error) => error,
        });
        guesses.take(1_000).take_while(|error| matches!(error, Error::WrongPassword)).count()
    }

    fn accepts_right_password(limits: &Limits, guesser: &Guesser) -> bool {
        limits.begin_guess(ANN, guesser).is_ok()
    }

    #[test]
    fn wrong_passwords_from_one_address_deny_no_other_client() {
        let limits = limits(3);
        let session = |byte| Guesser::Authenticated(SessionToken::new([byte; 32]).hash());
        let (attacker, owner) = (Guesser::Unknown(address(1)), Guesser::Unknown(address(2)));
        assert_eq!(wrong_passwords(&limits, &attacker), 3);
        assert!(!accepts_right_password(&limits, &attacker));
        assert!(accepts_right_password(&limits, &owner));
        assert_eq!(wrong_passwords(&limits, &session(1)), 3);
        assert!(!accepts_right_password(&limits, &session(1)));
        assert!(accepts_right_password(&limits, &session(2)), "another session");
    }

    #[test]
    fn a_known_client_at_the_address_of_an_attacker_is_not_denied() {
        let limits = limits(3);
        assert_eq!(wrong_passwords(&limits, &Guesser::Unknown(address(1))), 3);
        let owner = Guesser::Known(address(1));
        assert!(accepts_right_password(&limits, &owner));
        // Its wrong passwords are rejected as those of others, and its right one is still accepted.
        assert_eq!(wrong_passwords(&limits, &owner), 0);
        assert!(accepts_right_password(&limits, &owner));
    }

    #[test]
    fn right_passwords_do_not_count() {
        let limits = limits(1);
        let owner = Guesser::Unknown(address(1));
        assert!((0..100).all(|_| accepts_right_password(&limits, &owner)));
        assert_eq!(wrong_passwords(&limits, &owner), 1);
    }

    #[test]
    fn guesses_from_many_addresses_are_limited_and_deny_no_known_client() {
        let limits = limits(3);
        let guesses: usize =
            (1..100).map(|last| wrong_passwords(&limits, &Guesser::Unknown(address(last)))).sum();
        assert!((27..=30).contains(&guesses), "ten times the limit: {guesses}");
        assert!(!accepts_right_password(&limits, &Guesser::Unknown(address(200))));
        assert!(accepts_right_password(&limits, &Guesser::Known(address(200))));
    }

    #[test]
    fn the_simulator_registers_without_limit() {
        let limits = Limits::new(&RateLimits {
            registrations_per_address: Rate::per_minute(1),
            ..RateLimits::default()
        });
        assert!((0..1_000).all(|_| limits.check_registration(Origin::Simulator).is_ok()));
        limits.check_registration(Origin::Address(address(1))).expect("the first");
        limits.check_registration(Origin::Address(address(1))).expect_err("the second");
    }

    #[test]
    fn an_ipv6_client_counts_as_its_64_bit_network() {
        let network = |text: &str| network(text.parse().expect("an address")).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }
}
