//! Generates scenarios of any size. The same seed gives the same scenario on any machine.
//!
//! The mix is that of the real scenario: 1 % register, 43 % tweet, 38 % follow, 18 % unfollow; a
//! quarter of the unfollows name a user who is not followed. Popularity follows a power law. A user
//! has at most 1,000 messages and 1,000 followees, because the API returns no more. Users register
//! before they act or are named. Each name and e-mail address contains the seed, so that scenarios of
//! different seeds have no user in common.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    requests::API_PAGE_MAX,
    scenario::{Action, Command, CommandKind, Scenario, UserIndex},
    tag, vocabulary,
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
    /// Where the registrations are.
    pub registrations: Registrations,
}

/// Where the registrations of a generated scenario are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registrations {
    /// At random places, as in the real scenario.
    Anywhere,
    /// Before all other commands, which then spread over all users.
    First,
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
    /// Names and passwords have random numbers of their own, so that a seed has the same users,
    /// wherever the registrations are.
    user_rng: ChaCha8Rng,
    plan: Plan,
    /// The seed as a part of names.
    tag: String,
    scenario: Scenario,
    users: Vec<GeneratedUser>,
    /// Cumulative popularity of the users, where user n has 1/n (Zipf's law).
    popularity: Vec<f64>,
    /// Cumulative activity of the users, where user n has 1/√n: with 1/n, the most active users would
    /// reach the limit of messages too early.
    activity: Vec<f64>,
    timestamp: i64,
}

impl Generator {
    fn new(plan: Plan) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let mut user_rng = ChaCha8Rng::seed_from_u64(plan.seed);
        user_rng.set_stream(1);
        Self {
            rng,
            user_rng,
            plan,
            tag: tag::of(plan.seed),
            scenario: Scenario::default(),
            users: Vec::with_capacity(plan.users),
            popularity: Vec::with_capacity(plan.users),
            activity: Vec::with_capacity(plan.users),
            timestamp: FIRST_TIMESTAMP,
        }
    }

    /// Adds a command. `left` counts the commands that are still missing, this one included. Returns
    /// `None` if no user may act.
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

    /// At least two registrations come first, so that a follow is possible.
    fn kind(&mut self, left: usize) -> CommandKind {
        let registered = self.users.len();
        let missing = self.plan.users - registered;
        let first = registered < 2 || self.plan.registrations == Registrations::First;
        if missing > 0 && (first || self.rng.random_range(0..left) < missing) {
            return CommandKind::Register;
        }
        match self.rng.random_range(0..99_u32) {
            ..43 => CommandKind::Tweet,
            43..81 => CommandKind::Follow,
            _ => CommandKind::Unfollow,
        }
    }

    fn register(&mut self) -> (UserIndex, Action) {
        let name = format!("{} {}", vocabulary::name(&mut self.user_rng), self.tag);
        let count = self.users.len();
        let index = match self.scenario.add_user(&name) {
            Some(index) => index,
            None => numbered(&mut self.scenario, &name, count),
        };
        let rank = (count + 1) as f64;
        let sum = |list: &[f64]| list.last().copied().unwrap_or_default();
        self.popularity.push(sum(&self.popularity) + 1.0 / rank);
        self.activity.push(sum(&self.activity) + 1.0 / rank.sqrt());
        self.users.push(GeneratedUser { index, messages: 0, followees: Vec::new() });
        // Some MiniTwits require that addresses are unique.
        let email = format!("user+{}.{count}@example.org", self.tag).into();
        let password = vocabulary::password(&mut self.user_rng).into();
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

    /// A user, and another user whom they do not follow, if random draws find such a pair.
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
        // A tag contains no hyphen, so this is no name of another seed.
        if let Some(index) = scenario.add_user(&format!("{name}-{number}")) {
            return index;
        }
        number += 1;
    }
}

/// A random index, weighted; `sums` holds the cumulative weights.
fn draw(rng: &mut impl Rng, sums: &[f64]) -> usize {
    let total = sums.last().copied().unwrap_or_default();
    let drawn = rng.random::<f64>() * total;
    sums.partition_point(|sum| *sum <= drawn).min(sums.len() - 1)
}

#[cfg(test)]
mod tests;
