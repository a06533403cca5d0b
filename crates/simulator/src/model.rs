//! What the system must hold after a run, by what was sent and how it ended.
//!
//! One user at a time, so that the model of a million commands takes no room. Built from the state
//! before the run, so that the system need not have been empty.

use std::{borrow::Cow, collections::HashMap};

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{
    generator::MOST_SHOWN,
    outcome::{Effect, Outcome},
    scenario::{Action, Kind, Scenario},
};

/// The places of each user's commands.
pub(super) struct ByUser {
    places: Vec<u32>,
    begins: Vec<u32>,
}

impl ByUser {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let users = scenario.users().len();
        let mut begins = vec![0; users + 1];
        for command in scenario.commands() {
            begins[command.user.get() + 1] += 1;
        }
        for user in 0..users {
            begins[user + 1] += begins[user];
        }
        let mut free = begins.clone();
        let mut places = vec![0; scenario.commands().len()];
        for (place, command) in (0..).zip(scenario.commands()) {
            let slot = &mut free[command.user.get()];
            places[*slot as usize] = place;
            *slot += 1;
        }
        Self { places, begins }
    }

    fn of(&self, user: usize) -> &[u32] {
        &self.places[self.begins[user] as usize..self.begins[user + 1] as usize]
    }
}

/// A name in Unicode's NFC. One MiniTwit keeps names as they come, and another one normalizes them;
/// both mean the same user.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    if is_nfc(name) { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// What the system held of somebody, oldest first; nothing when there was nobody of that name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) exists: bool,
    pub(super) messages: Vec<String>,
    /// By their canonical names.
    pub(super) followees: Vec<String>,
}

/// A message that may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedMessage<'a> {
    pub(super) text: &'a str,
    /// The number of the command, unless it was there before.
    pub(super) number: Option<i64>,
    pub(super) certain: bool,
}

/// What is known of one user's following another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ExpectedFollow {
    /// Whether they do, by all that is certain.
    settled: bool,
    /// Whether a follow, or an unfollow, is uncertain. It may yet take effect, after all that came
    /// after it.
    stray_follow: bool,
    stray_unfollow: bool,
    /// The last command that says how it must be; `None` if it was so before.
    pub(super) number: Option<i64>,
    /// What orders the user's follows: grows with the time at which they began.
    began: usize,
}

impl ExpectedFollow {
    /// Whether they must follow, or must not; `None` where either is right.
    pub(super) const fn follows(self) -> Option<bool> {
        match self {
            Self { settled: true, stray_unfollow: false, .. } => Some(true),
            Self { settled: false, stray_follow: false, .. } => Some(false),
            _ => None,
        }
    }

    /// Where it stands among the user's follows; `None` where that is uncertain.
    pub(super) const fn place(self) -> Option<usize> {
        match self {
            Self { settled: true, stray_follow: false, stray_unfollow: false, began, .. } => {
                Some(began)
            }
            _ => None,
        }
    }

    fn apply(&mut self, follows: bool, certain: bool, number: i64, place: usize) {
        if !certain {
            self.stray_follow |= follows;
            self.stray_unfollow |= !follows;
            return;
        }
        if follows && !self.settled {
            // Behind those that were there before the run.
            self.began = place + MOST_SHOWN;
        }
        self.settled = follows;
        self.number = Some(number);
    }
}

/// What the system must hold of somebody.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    /// Whether they are registered, if that is known.
    pub(super) exists: Option<bool>,
    /// Oldest first.
    pub(super) messages: Vec<ExpectedMessage<'a>>,
    /// By their canonical names.
    pub(super) follows: HashMap<Cow<'a, str>, ExpectedFollow>,
    /// How many messages this run posted, or may have.
    pub(super) posted: usize,
}

impl<'a> Expected<'a> {
    /// What the system must hold of `user`, whom it held as `before`.
    pub(super) fn of(
        scenario: &'a Scenario,
        by_user: &ByUser,
        outcomes: &[Option<Outcome>],
        user: usize,
        before: &'a Account,
    ) -> Self {
        let mut expected = Self::before(before);
        for &place in by_user.of(user) {
            let command = &scenario.commands()[place as usize];
            let effect = outcomes[place as usize].map_or(Effect::Nothing, Outcome::effect);
            if effect == Effect::Nothing {
                continue;
            }
            let certain = effect == Effect::Happened;
            match &command.action {
                Action::Register { .. } if certain => expected.exists = Some(true),
                Action::Register { .. } if expected.exists == Some(false) => expected.exists = None,
                Action::Register { .. } => {}
                Action::Tweet(text) => {
                    let number = Some(command.number);
                    expected.messages.push(ExpectedMessage { text, number, certain });
                    expected.posted += 1;
                }
                Action::Follow(whom) | Action::Unfollow(whom) => {
                    let follows = command.kind() == Kind::Follow;
                    let known =
                        expected.follows.entry(canonical(scenario.name(*whom))).or_default();
                    known.apply(follows, certain, command.number, place as usize);
                }
            }
            if certain {
                // Whoever acts is there, however uncertain their registration was.
                expected.exists = Some(true);
            }
        }
        expected
    }

    fn before(before: &'a Account) -> Self {
        let old = |text: &'a String| ExpectedMessage { text, number: None, certain: true };
        let known = before.followees.iter().enumerate().map(|(began, name)| {
            let follow = ExpectedFollow { settled: true, began, ..ExpectedFollow::default() };
            (canonical(name), follow)
        });
        Self {
            exists: Some(before.exists),
            messages: before.messages.iter().map(old).collect(),
            follows: known.collect(),
            posted: 0,
        }
    }
}
