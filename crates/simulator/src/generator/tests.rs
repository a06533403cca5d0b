//! Every generated scenario obeys the rules.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use unicode_normalization::is_nfc;

use super::*;

fn plan(seed: u64, users: usize, commands: usize) -> Plan {
    Plan { seed, users, commands, registrations: Registrations::Anywhere }
}

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
    let plan = plan(1, 400, 40_000);
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
    let plan = plan(7, 4, 12);
    let scenario = generate(plan).expect("possible").to_text();
    assert_eq!(scenario, include_str!("seed_7.tsv"));
    let other = generate(Plan { seed: 8, ..plan }).expect("possible").to_text();
    assert_ne!(scenario, other);
}

#[test]
fn names_are_valid_and_cover_many_scripts() {
    let plan = plan(3, 600, 3_000);
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
fn a_seed_has_the_same_users_wherever_the_registrations_are() {
    let anywhere = plan(5, 60, 900);
    let first = Plan { registrations: Registrations::First, ..anywhere };
    let more = Plan { commands: 2_000, ..anywhere };
    let users = |plan| generate(plan).expect("possible").users().to_vec();
    assert_eq!(users(anywhere), users(first));
    assert_eq!(users(anywhere), users(more));
}

#[test]
fn an_impossible_plan_is_rejected() {
    assert!(matches!(generate(plan(1, 5, 4)), Err(PlanError::TooManyUsers { .. })));
    assert!(matches!(generate(plan(1, 1, 1_002)), Err(PlanError::TooFewUsers { .. })));
    assert!(generate(plan(1, 1, 1_001)).is_ok(), "one user posts 1,000");
}

proptest! {
    #[test]
    fn every_scenario_obeys_the_rules(
        seed: u64,
        users in 1..40_usize,
        more in 0..400_usize,
        first: bool,
    ) {
        let registrations =
            if first { Registrations::First } else { Registrations::Anywhere };
        let plan = Plan { registrations, ..plan(seed, users, users + more) };
        let scenario = generate(plan).expect("possible");
        check(&scenario, plan);
        let in_front = scenario.commands()[..users].iter();
        let in_front = in_front.filter(|it| it.kind() == CommandKind::Register).count();
        prop_assert!(!first || in_front == users);
    }

    #[test]
    fn scenarios_of_different_seeds_have_no_user_in_common(seed: u64, other: u64) {
        prop_assume!(seed != other);
        let scenario = |seed| generate(plan(seed, 40, 40)).expect("possible");
        let (one, other) = (scenario(seed), scenario(other));
        let names: HashSet<_> = one.users().iter().collect();
        prop_assert!(other.users().iter().all(|name| !names.contains(name)));
    }
}
