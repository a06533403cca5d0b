//! Scenarios of any size, made up: the same seed makes the same scenario, on any machine.
//!
//! The mix is that of the real scenario (1 % register, 43 % tweet, 38 % follow, 18 % unfollow, a
//! quarter of these of somebody who is not followed). How often somebody is followed goes by a power
//! law. Nobody posts more than 1,000 messages or follows more than 1,000 at once, since the API shows
//! no more. Everybody is registered before they act or are named.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{
    names,
    scenario::{Action, Command, Kind, Scenario, UserIndex},
};

/// The most messages, and the most followees, of a user that the API shows.
pub const MOST_SHOWN: usize = 1_000;
/// When the real scenario begins, in milliseconds since the Unix epoch.
const BEGINNING: i64 = 1_582_246_860_738;
/// Milliseconds between two commands, at most.
const LONGEST_DELAY: u64 = 20_000;
/// How often chance is asked for somebody fit, before they are looked for in turn.
const DRAWS: usize = 32;

/// How a scenario shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What chance begins with.
    pub seed: u64,
    /// How many sign up; at least 1.
    pub users: usize,
    /// How many commands there are, registrations among them.
    pub commands: usize,
}

/// A plan that cannot be carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More users than commands.
    #[error("{users} users cannot register in {commands} commands")]
    TooManyUsers {
        /// How many.
        users: usize,
        /// In how many.
        commands: usize,
    },
    /// Everybody has as many messages as the API shows.
    #[error("{commands} commands are too many for {users} users: nobody may post more than 1,000")]
    TooFewUsers {
        /// How many.
        users: usize,
        /// For how many.
        commands: usize,
    },
}

/// Makes a scenario.
///
/// # Errors
/// When there are too many users for the commands, or too few.
pub fn generate(plan: Plan) -> Result<Scenario, PlanError> {
    let Plan { users, commands, .. } = plan;
    if users > commands {
        return Err(PlanError::TooManyUsers { users, commands });
    }
    let mut generator = Generator::new(plan);
    for left in (1..=commands).rev() {
        generator.step(left).ok_or(PlanError::TooFewUsers { users, commands })?;
    }
    Ok(generator.scenario)
}

/// Somebody registered, and what they have done so far.
struct Account {
    index: UserIndex,
    messages: usize,
    /// By their places among the accounts.
    followees: Vec<usize>,
}

struct Generator {
    rng: ChaCha8Rng,
    plan: Plan,
    scenario: Scenario,
    accounts: Vec<Account>,
    /// How popular the first, the first two, … accounts are together, by 1/n (Zipf's law).
    popularity: Vec<f64>,
    /// How active they are, by 1/√n: the most active would else be at their limit all too soon.
    activity: Vec<f64>,
    timestamp: i64,
}

impl Generator {
    fn new(plan: Plan) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(plan.seed),
            plan,
            scenario: Scenario::default(),
            accounts: Vec::with_capacity(plan.users),
            popularity: Vec::with_capacity(plan.users),
            activity: Vec::with_capacity(plan.users),
            timestamp: BEGINNING,
        }
    }

    /// Adds a command, of which `left` are left, this one included. `None` when there is none that
    /// anybody might give.
    fn step(&mut self, left: usize) -> Option<()> {
        let (user, action) = match self.kind(left) {
            Kind::Register => self.register(),
            Kind::Tweet => self.tweet()?,
            // Where nobody can follow anybody any more, there is still something to say.
            Kind::Follow => self.follow().or_else(|| self.tweet())?,
            Kind::Unfollow => self.unfollow().or_else(|| self.tweet())?,
        };
        let number = i64::try_from(self.scenario.commands().len()).ok()?;
        let delay = if number == 0 { 0 } else { self.rng.random_range(0..LONGEST_DELAY) };
        self.timestamp = self.timestamp.saturating_add_unsigned(delay);
        let timestamp = self.timestamp;
        self.scenario.push(Command { number, delay, timestamp, user, action });
        Some(())
    }

    /// Two users come first, so that they can follow each other; the others come at any time.
    fn kind(&mut self, left: usize) -> Kind {
        let registered = self.accounts.len();
        let coming = self.plan.users - registered;
        if coming > 0 && (registered < 2 || self.rng.random_range(0..left) < coming) {
            return Kind::Register;
        }
        match self.rng.random_range(0..99_u32) {
            ..43 => Kind::Tweet,
            43..81 => Kind::Follow,
            _ => Kind::Unfollow,
        }
    }

    fn register(&mut self) -> (UserIndex, Action) {
        let name = names::name(&mut self.rng);
        let place = self.accounts.len();
        let index = match self.scenario.add_user(&name) {
            Some(index) => index,
            // A number makes it the only one: no other name ends in a number.
            None => numbered(&mut self.scenario, &name, place),
        };
        let rank = (place + 1) as f64;
        let sum = |list: &[f64]| list.last().copied().unwrap_or_default();
        self.popularity.push(sum(&self.popularity) + 1.0 / rank);
        self.activity.push(sum(&self.activity) + 1.0 / rank.sqrt());
        self.accounts.push(Account { index, messages: 0, followees: Vec::new() });
        let email = format!("user+{place}@example.org").into();
        let password = names::password(&mut self.rng).into();
        (index, Action::Register { email, password })
    }

    fn tweet(&mut self) -> Option<(UserIndex, Action)> {
        let author = self.actor(|account| account.messages < MOST_SHOWN)?;
        self.accounts[author].messages += 1;
        let text = names::text(&mut self.rng).into();
        Some((self.accounts[author].index, Action::Tweet(text)))
    }

    fn follow(&mut self) -> Option<(UserIndex, Action)> {
        let follower = self.actor(|account| account.followees.len() < MOST_SHOWN)?;
        let whom = self.popular(follower)?;
        let account = &mut self.accounts[follower];
        if !account.followees.contains(&whom) {
            account.followees.push(whom);
        }
        let user = account.index;
        Some((user, Action::Follow(self.accounts[whom].index)))
    }

    fn unfollow(&mut self) -> Option<(UserIndex, Action)> {
        let of_a_stranger = self.rng.random_range(0..4_u32) == 0;
        let stranger = if of_a_stranger { self.stranger() } else { None };
        let (follower, whom) = match stranger {
            Some(pair) => pair,
            None => {
                let follower = self.actor(|account| !account.followees.is_empty())?;
                let followees = &mut self.accounts[follower].followees;
                let place = self.rng.random_range(0..followees.len());
                (follower, followees.remove(place))
            }
        };
        Some((self.accounts[follower].index, Action::Unfollow(self.accounts[whom].index)))
    }

    /// Somebody, and somebody else whom they do not follow, if chance finds such a pair.
    fn stranger(&mut self) -> Option<(usize, usize)> {
        let follower = self.actor(|_| true)?;
        for _ in 0..DRAWS {
            let whom = self.rng.random_range(0..self.accounts.len());
            if whom != follower && !self.accounts[follower].followees.contains(&whom) {
                return Some((follower, whom));
            }
        }
        None
    }

    /// Somebody who may act, the active before others.
    fn actor(&mut self, may: impl Fn(&Account) -> bool) -> Option<usize> {
        for _ in 0..DRAWS {
            let drawn = draw(&mut self.rng, &self.activity);
            if may(&self.accounts[drawn]) {
                return Some(drawn);
            }
        }
        let first = self.rng.random_range(0..self.accounts.len());
        let mut in_turn = (first..self.accounts.len()).chain(0..first);
        in_turn.find(|place| may(&self.accounts[*place]))
    }

    /// Somebody else, the popular before others.
    fn popular(&mut self, except: usize) -> Option<usize> {
        if self.accounts.len() < 2 {
            return None;
        }
        loop {
            let drawn = draw(&mut self.rng, &self.popularity);
            if drawn != except {
                return Some(drawn);
            }
        }
    }
}

/// Adds somebody of this name and a number.
fn numbered(scenario: &mut Scenario, name: &str, place: usize) -> UserIndex {
    let mut number = place;
    loop {
        if let Some(index) = scenario.add_user(&format!("{name} {number}")) {
            return index;
        }
        number += 1;
    }
}

/// A place in a list of sums, each as probable as its sum is above the one before.
fn draw(rng: &mut impl Rng, sums: &[f64]) -> usize {
    let total = sums.last().copied().unwrap_or_default();
    let drawn = rng.random::<f64>() * total;
    sums.partition_point(|sum| *sum <= drawn).min(sums.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;

    fn shares(scenario: &Scenario) -> HashMap<Kind, usize> {
        let mut counts = HashMap::new();
        for command in scenario.commands() {
            *counts.entry(command.kind()).or_default() += 1;
        }
        counts
    }

    /// Asserts what holds for every scenario. Returns how many follow each user in the end, and how
    /// many unfollows were of somebody not followed.
    fn check(scenario: &Scenario, plan: Plan) -> (Vec<usize>, usize) {
        let mut registered = HashSet::new();
        let mut messages: HashMap<UserIndex, usize> = HashMap::new();
        let mut follows: HashMap<UserIndex, HashSet<UserIndex>> = HashMap::new();
        let mut of_strangers = 0;
        for (index, command) in (0..).zip(scenario.commands()) {
            assert_eq!(command.number, index);
            let user = command.user;
            if let Action::Register { .. } = command.action {
                assert!(registered.insert(user));
            }
            assert!(registered.contains(&user));
            assert!(command.whom().is_none_or(|whom| whom != user && registered.contains(&whom)));
            match &command.action {
                Action::Register { .. } => {}
                Action::Tweet(text) => {
                    assert!((1..=280).contains(&text.chars().count()), "{text}");
                    *messages.entry(user).or_default() += 1;
                }
                Action::Follow(whom) => drop(follows.entry(user).or_default().insert(*whom)),
                Action::Unfollow(whom) => {
                    let was = follows.entry(user).or_default().remove(whom);
                    of_strangers += usize::from(!was);
                }
            }
            assert!(follows.get(&user).is_none_or(|it| it.len() <= MOST_SHOWN));
        }
        assert_eq!((registered.len(), scenario.commands().len()), (plan.users, plan.commands));
        assert!(messages.values().all(|count| *count <= MOST_SHOWN));
        let mut popularity = vec![0; plan.users];
        follows.values().flatten().for_each(|whom| popularity[whom.get()] += 1);
        (popularity, of_strangers)
    }

    #[test]
    fn a_large_scenario_has_the_mix_of_the_real_one() {
        let plan = Plan { seed: 1, users: 400, commands: 40_000 };
        let scenario = generate(plan).expect("possible");
        let (popularity, of_strangers) = check(&scenario, plan);
        let counts = shares(&scenario);
        let percent = |kind| (counts[&kind] * 100 + plan.commands / 2) / plan.commands;
        assert_eq!(Kind::ALL.map(percent), [1, 43, 38, 18], "{counts:?}");
        assert!((20..40).contains(&(of_strangers * 100 / counts[&Kind::Unfollow])));
        let (first, last): (usize, usize) =
            (popularity[..40].iter().sum(), popularity[360..].iter().sum());
        assert!(first > 4 * last, "a tenth has {first}, another {last}");
    }

    #[test]
    fn the_same_seed_makes_the_same_scenario_everywhere_and_always() {
        let plan = Plan { seed: 7, users: 4, commands: 12 };
        let scenario = generate(plan).expect("possible").written();
        assert_eq!(scenario, include_str!("generator_seed_7.tsv"));
        let other = generate(Plan { seed: 8, ..plan }).expect("possible").written();
        assert_ne!(scenario, other);
    }

    #[test]
    fn names_and_texts_are_of_all_scripts_and_pass_unchanged() {
        let plan = Plan { seed: 3, users: 600, commands: 3_000 };
        let scenario = generate(plan).expect("possible");
        let names = scenario.users();
        for name in names {
            assert!(is_nfc(name) && name.trim() == &**name, "{name}");
            assert!(!name.contains('/') && !name.chars().any(char::is_control), "{name}");
            assert!(name.chars().count() <= 64, "{name}");
        }
        for part in [" ", "\"", "'", "李", "🦀", "ž", "ع", "%2F", "?"] {
            assert!(names.iter().any(|name| name.contains(part)), "{part}");
        }
    }

    #[test]
    fn a_plan_that_cannot_be_is_refused() {
        let plan = Plan { seed: 1, users: 5, commands: 4 };
        assert!(matches!(generate(plan), Err(PlanError::TooManyUsers { .. })));
        let plan = Plan { seed: 1, users: 1, commands: 1_002 };
        assert!(matches!(generate(plan), Err(PlanError::TooFewUsers { .. })));
        assert!(generate(Plan { commands: 1_001, ..plan }).is_ok(), "one user posts 1,000");
    }

    proptest! {
        #[test]
        fn every_scenario_keeps_the_rules(seed: u64, users in 1..40_usize, more in 0..400_usize) {
            let plan = Plan { seed, users, commands: users + more };
            check(&generate(plan).expect("possible"), plan);
        }
    }
}
