//! The model: what the system must hold of a user after a run, derived from the commands' outcomes.
//!
//! Built for one user at a time, to save memory, and from the state before the run, so that the
//! system need not have been empty.

use std::{borrow::Cow, collections::HashMap};

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::{
    outcome::{Effect, Outcome},
    requests::API_PAGE_MAX,
    scenario::{Action, CommandKind, Scenario},
};

/// The indexes of each user's commands.
pub(crate) struct CommandsByUser(Vec<Vec<u32>>);

impl CommandsByUser {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut by_user = vec![Vec::new(); scenario.users().len()];
        for (index, command) in (0..).zip(scenario.commands()) {
            by_user[command.user.get()].push(index);
        }
        Self(by_user)
    }
}

/// A name in Unicode's NFC. Some MiniTwits normalize names and some do not; both forms mean the same
/// user.
pub(crate) fn canonical(name: &str) -> Cow<'_, str> {
    if is_nfc(name) { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// What the API returns of one user, oldest first; empty if there is no such user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserState {
    pub(crate) exists: bool,
    pub(crate) messages: Vec<String>,
    /// Canonical names.
    pub(crate) followees: Vec<String>,
}

/// A message that the system holds, or may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpectedMessage<'a> {
    pub(crate) text: &'a str,
    /// The number of the command; `None` for a message from before the run.
    pub(crate) number: Option<i64>,
    pub(crate) certain: bool,
}

/// What the model knows about one follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExpectedFollow {
    /// Whether the follow exists after all commands with a certain effect.
    exists: bool,
    /// Whether a follow (or unfollow) command is uncertain. It may take effect after later commands.
    uncertain_follow: bool,
    uncertain_unfollow: bool,
    /// The number of the last certain command; `None` if the state is from before the run.
    pub(crate) number: Option<i64>,
    /// The sort key of the user's follows: earlier follows have smaller positions.
    position: usize,
}

impl ExpectedFollow {
    /// Whether the follow must exist; `None` if both are correct.
    pub(crate) const fn must_exist(self) -> Option<bool> {
        match self {
            Self { exists: true, uncertain_unfollow: false, .. } => Some(true),
            Self { exists: false, uncertain_follow: false, .. } => Some(false),
            _ => None,
        }
    }

    /// The position among the user's follows; `None` if uncertain.
    pub(crate) const fn position(self) -> Option<usize> {
        let certain = self.exists && !self.uncertain_follow && !self.uncertain_unfollow;
        if certain { Some(self.position) } else { None }
    }

    fn apply(&mut self, follows: bool, certain: bool, number: i64, index: usize) {
        if !certain {
            self.uncertain_follow |= follows;
            self.uncertain_unfollow |= !follows;
            return;
        }
        if follows && !self.exists {
            // After all follows from before the run.
            self.position = index + API_PAGE_MAX;
        }
        self.exists = follows;
        self.number = Some(number);
    }
}

/// What the system must hold of one user.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    /// Whether the user is registered; `None` if uncertain.
    pub(crate) exists: Option<bool>,
    /// Oldest first.
    pub(crate) messages: Vec<ExpectedMessage<'a>>,
    /// By the followee's canonical name.
    pub(crate) follows: HashMap<Cow<'a, str>, ExpectedFollow>,
    /// The number of messages that this run posted, or may have posted.
    pub(crate) posted: usize,
}

impl<'a> Expected<'a> {
    /// The expected state of `user`, whose state before the run was `before`.
    pub(crate) fn of(
        scenario: &'a Scenario,
        commands: &CommandsByUser,
        outcomes: &[Option<Outcome>],
        user: usize,
        before: &'a UserState,
    ) -> Self {
        let mut expected = Self::before(before);
        for &index in &commands.0[user] {
            let command = &scenario.commands()[index as usize];
            let effect = outcomes[index as usize].map_or(Effect::Nothing, Outcome::effect);
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
                Action::Follow(followee) | Action::Unfollow(followee) => {
                    let follows = command.kind() == CommandKind::Follow;
                    let name = canonical(scenario.name(*followee));
                    let follow = expected.follows.entry(name).or_default();
                    follow.apply(follows, certain, command.number, index as usize);
                }
            }
            if certain {
                // Only a registered user can act, even if the registration's effect is uncertain.
                expected.exists = Some(true);
            }
        }
        expected
    }

    fn before(before: &'a UserState) -> Self {
        let old = |text: &'a String| ExpectedMessage { text, number: None, certain: true };
        let known = before.followees.iter().enumerate().map(|(position, name)| {
            let follow = ExpectedFollow { exists: true, position, ..ExpectedFollow::default() };
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
