//! Generates scenarios of any size. The same seed gives the same scenario on any machine.
//!
//! The mix is that of the real scenario: 1 % register, 43 % tweet, 38 % follow, 18 % unfollow; a
//! quarter of the unfollows name a user who is not followed. Popularity follows a power law. A user
//! has at most 1,000 messages and 1,000 followees, because the API returns no more. Users register
//! before they act or are named.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    requests::API_PAGE_MAX,
    scenario::{Action, Command, CommandKind, Scenario, UserIndex},
    vocabulary,
};

/// The first timestamp of the real scenario, in milliseconds since the Unix epoch.
const FIRST_TIMESTAMP: i64 = 1_582_246_860_738;
/// The longest delay between two commands, in milliseconds.
const MAX_DELAY: u64 = 20_000;
/// Random draws for a suitable user, before all users are tried in order.
const MAX_DRAWS: usize = 32;

/// The parameters of a generated scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the random numbers.
    pub seed: u64,
    /// Number of users, at least 1.
    pub users: usize,
    /// Number of commands, registrations included.
    pub commands: usize,
}

/// Why a plan is impossible.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More users than commands.
    #[error("{users} users cannot register in {commands} commands")]
    TooManyUsers {
        /// The plan's users.
        users: usize,
        /// The plan's commands.
        commands: usize,
    },
    /// Every user would reach the limit of messages.
    #[error("{commands} commands are too many for {users} users, who may post 1,000 messages each")]
    TooFewUsers {
        /// The plan's users.
        users: usize,
        /// The plan's commands.
        commands: usize,
    },
}

/// Generates a scenario. Returns an error if the plan has too many or too few users.
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

/// A registered user, and what they have done so far.
struct GeneratedUser {
    index: UserIndex,
    messages: usize,
    /// Indexes in `Generator::users`.
    followees: Vec<usize>,
}

struct Generator {
    rng: ChaCha8Rng,
    plan: Plan,
    scenario: Scenario,
    users: Vec<GeneratedUser>,
    /// Cumulated popularity of the users, where user n has 1/n (Zipf's law).
    popularity: Vec<f64>,
    /// Cumulated activity of the users, where user n has 1/√n: with 1/n, the most active would reach
    /// their limit too early.
    activity: Vec<f64>,
    timestamp: i64,
}

impl Generator {
    fn new(plan: Plan) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(plan.seed),
            plan,
            scenario: Scenario::default(),
            users: Vec::with_capacity(plan.users),
            popularity: Vec::with_capacity(plan.users),
            activity: Vec::with_capacity(plan.users),
            timestamp: FIRST_TIMESTAMP,
        }
    }

    /// Adds a command; `left` commands are missing, this one included. `None` if no user may act.
    fn step(&mut self, left: usize) -> Option<()> {
        let (user, action) = match self.kind(left) {
            CommandKind::Register => self.register(),
            CommandKind::Tweet => self.tweet()?,
            // A tweet replaces a follow or unfollow that is impossible.
            CommandKind::Follow => self.follow().or_else(|| self.tweet())?,
            CommandKind::Unfollow => self.unfollow().or_else(|| self.tweet())?,
        };
        let number = i64::try_from(self.scenario.commands().len()).ok()?;
        let delay = if number == 0 { 0 } else { self.rng.random_range(0..MAX_DELAY) };
        self.timestamp = self.timestamp.saturating_add_unsigned(delay);
        let timestamp = self.timestamp;
        self.scenario.push(Command { number, delay, timestamp, user, action });
        Some(())
    }

    /// Two registrations come first, so that a follow is possible; the others come at any time.
    fn kind(&mut self, left: usize) -> CommandKind {
        let registered = self.users.len();
        let missing = self.plan.users - registered;
        if missing > 0 && (registered < 2 || self.rng.random_range(0..left) < missing) {
            return CommandKind::Register;
        }
        match self.rng.random_range(0..99_u32) {
            ..43 => CommandKind::Tweet,
            43..81 => CommandKind::Follow,
            _ => CommandKind::Unfollow,
        }
    }

    fn register(&mut self) -> (UserIndex, Action) {
        let name = vocabulary::name(&mut self.rng);
        let count = self.users.len();
        let index = match self.scenario.add_user(&name) {
            Some(index) => index,
            // A number makes the name unique: generated names do not end in a number.
            None => numbered(&mut self.scenario, &name, count),
        };
        let rank = (count + 1) as f64;
        let sum = |list: &[f64]| list.last().copied().unwrap_or_default();
        self.popularity.push(sum(&self.popularity) + 1.0 / rank);
        self.activity.push(sum(&self.activity) + 1.0 / rank.sqrt());
        self.users.push(GeneratedUser { index, messages: 0, followees: Vec::new() });
        let email = format!("user+{count}@example.org").into();
        let password = vocabulary::password(&mut self.rng).into();
        (index, Action::Register { email, password })
    }

    fn tweet(&mut self) -> Option<(UserIndex, Action)> {
        let author = self.actor(|user| user.messages < API_PAGE_MAX)?;
        self.users[author].messages += 1;
        let text = vocabulary::text(&mut self.rng).into();
        Some((self.users[author].index, Action::Tweet(text)))
    }

    fn follow(&mut self) -> Option<(UserIndex, Action)> {
        let follower = self.actor(|user| user.followees.len() < API_PAGE_MAX)?;
        let followee = self.popular(follower)?;
        let user = &mut self.users[follower];
        if !user.followees.contains(&followee) {
            user.followees.push(followee);
        }
        let index = user.index;
        Some((index, Action::Follow(self.users[followee].index)))
    }

    fn unfollow(&mut self) -> Option<(UserIndex, Action)> {
        let of_unfollowed = self.rng.random_range(0..4_u32) == 0;
        let unfollowed = if of_unfollowed { self.unfollowed_pair() } else { None };
        let (follower, followee) = match unfollowed {
            Some(pair) => pair,
            None => {
                let follower = self.actor(|user| !user.followees.is_empty())?;
                let followees = &mut self.users[follower].followees;
                let chosen = self.rng.random_range(0..followees.len());
                (follower, followees.remove(chosen))
            }
        };
        Some((self.users[follower].index, Action::Unfollow(self.users[followee].index)))
    }

    /// A user and another user followee they do not follow, if random draws find such a pair.
    fn unfollowed_pair(&mut self) -> Option<(usize, usize)> {
        let follower = self.actor(|_| true)?;
        for _ in 0..MAX_DRAWS {
            let followee = self.rng.random_range(0..self.users.len());
            if followee != follower && !self.users[follower].followees.contains(&followee) {
                return Some((follower, followee));
            }
        }
        None
    }

    /// A random user who may act, weighted by activity.
    fn actor(&mut self, may: impl Fn(&GeneratedUser) -> bool) -> Option<usize> {
        for _ in 0..MAX_DRAWS {
            let drawn = draw(&mut self.rng, &self.activity);
            if may(&self.users[drawn]) {
                return Some(drawn);
            }
        }
        let first = self.rng.random_range(0..self.users.len());
        let mut in_order = (first..self.users.len()).chain(0..first);
        in_order.find(|index| may(&self.users[*index]))
    }

    /// A random other user, weighted by popularity.
    fn popular(&mut self, except: usize) -> Option<usize> {
        if self.users.len() < 2 {
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

/// Adds a user with this name and a number.
fn numbered(scenario: &mut Scenario, name: &str, first_number: usize) -> UserIndex {
    let mut number = first_number;
    loop {
        if let Some(index) = scenario.add_user(&format!("{name} {number}")) {
            return index;
        }
        number += 1;
    }
}

/// A random index, weighted; `sums` holds the cumulated weights.
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

    fn shares(scenario: &Scenario) -> HashMap<CommandKind, usize> {
        let mut counts = HashMap::new();
        for command in scenario.commands() {
            *counts.entry(command.kind()).or_default() += 1;
        }
        counts
    }

    /// Asserts the rules for every scenario. Returns each user's final number of followers, and the
    /// number of unfollows of users who were not followed.
    fn check(scenario: &Scenario, plan: Plan) -> (Vec<usize>, usize) {
        let mut registered = HashSet::new();
        let mut messages: HashMap<UserIndex, usize> = HashMap::new();
        let mut follows: HashMap<UserIndex, HashSet<UserIndex>> = HashMap::new();
        let mut of_unfollowed = 0;
        for (index, command) in (0..).zip(scenario.commands()) {
            assert_eq!(command.number, index);
            let user = command.user;
            if let Action::Register { .. } = command.action {
                assert!(registered.insert(user));
            }
            assert!(registered.contains(&user));
            assert!(
                command
                    .followee()
                    .is_none_or(|followee| followee != user && registered.contains(&followee))
            );
            match &command.action {
                Action::Register { .. } => {}
                Action::Tweet(text) => {
                    assert!((1..=280).contains(&text.chars().count()), "{text}");
                    *messages.entry(user).or_default() += 1;
                }
                Action::Follow(followee) => {
                    follows.entry(user).or_default().insert(*followee);
                }
                Action::Unfollow(followee) => {
                    let was = follows.entry(user).or_default().remove(followee);
                    of_unfollowed += usize::from(!was);
                }
            }
            assert!(follows.get(&user).is_none_or(|it| it.len() <= API_PAGE_MAX));
        }
        assert_eq!((registered.len(), scenario.commands().len()), (plan.users, plan.commands));
        assert!(messages.values().all(|count| *count <= API_PAGE_MAX));
        let mut popularity = vec![0; plan.users];
        follows.values().flatten().for_each(|followee| popularity[followee.get()] += 1);
        (popularity, of_unfollowed)
    }

    #[test]
    fn a_large_scenario_has_the_mix_of_the_real_one() {
        let plan = Plan { seed: 1, users: 400, commands: 40_000 };
        let scenario = generate(plan).expect("possible");
        let (popularity, of_unfollowed) = check(&scenario, plan);
        let counts = shares(&scenario);
        let percent = |kind| (counts[&kind] * 100 + plan.commands / 2) / plan.commands;
        assert_eq!(CommandKind::ALL.map(percent), [1, 43, 38, 18], "{counts:?}");
        assert!((20..40).contains(&(of_unfollowed * 100 / counts[&CommandKind::Unfollow])));
        let (first, last): (usize, usize) =
            (popularity[..40].iter().sum(), popularity[360..].iter().sum());
        assert!(
            first > 4 * last,
            "the most popular tenth has {first} followers, the least popular {last}"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_scenario_on_any_machine() {
        let plan = Plan { seed: 7, users: 4, commands: 12 };
        let scenario = generate(plan).expect("possible").to_text();
        assert_eq!(scenario, include_str!("generator_seed_7.tsv"));
        let other = generate(Plan { seed: 8, ..plan }).expect("possible").to_text();
        assert_ne!(scenario, other);
    }

    #[test]
    fn names_are_valid_and_cover_many_scripts() {
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
    fn an_impossible_plan_is_rejected() {
        let plan = Plan { seed: 1, users: 5, commands: 4 };
        assert!(matches!(generate(plan), Err(PlanError::TooManyUsers { .. })));
        let plan = Plan { seed: 1, users: 1, commands: 1_002 };
        assert!(matches!(generate(plan), Err(PlanError::TooFewUsers { .. })));
        assert!(generate(Plan { commands: 1_001, ..plan }).is_ok(), "one user posts 1,000");
    }

    proptest! {
        #[test]
        fn every_scenario_obeys_the_rules(seed: u64, users in 1..40_usize, more in 0..400_usize) {
            let plan = Plan { seed, users, commands: users + more };
            check(&generate(plan).expect("possible"), plan);
        }
    }
}
