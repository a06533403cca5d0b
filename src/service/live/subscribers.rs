//! Who listens: whose timelines are followed, and by what right.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Credential, Timeline};
use crate::domain::UserId;

/// Those who listen. Clones are handles on the same.
#[derive(Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<Counts>>);

/// How many listeners have each.
#[derive(Default)]
struct Counts {
    everybodys: usize,
    readers: HashMap<UserId, usize>,
    credentials: HashMap<Credential, usize>,
}

/// Somebody who listens, for as long as it lives.
pub(super) struct Subscription {
    audience: Subscribers,
    reader: Option<UserId>,
    credential: Option<Credential>,
}

impl Subscribers {
    pub(super) fn enter(&self, timeline: Timeline, credential: Option<Credential>) -> Subscription {
        let reader = match timeline {
            Timeline::Public => None,
            Timeline::Own(reader) => Some(reader),
        };
        let mut counts = self.counts();
        counts.everybodys += usize::from(reader.is_none());
        count(&mut counts.readers, reader.as_ref());
        count(&mut counts.credentials, credential.as_ref());
        Subscription { audience: self.clone(), reader, credential }
    }

    /// How many listen to everybody.
    pub(super) fn everybodys(&self) -> usize {
        self.counts().everybodys
    }

    /// Whose own timelines are followed.
    pub(super) fn readers(&self) -> Vec<UserId> {
        self.counts().readers.keys().copied().collect()
    }

    pub(super) fn credentials(&self) -> Vec<Credential> {
        self.counts().credentials.keys().cloned().collect()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // No panic can happen while it is held; the counts are whole in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    pub(super) fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut counts = self.audience.counts();
        counts.everybodys -= usize::from(self.reader.is_none());
        discount(&mut counts.readers, self.reader.as_ref());
        discount(&mut counts.credentials, self.credential.as_ref());
    }
}

fn count<K: Clone + Eq + Hash>(counts: &mut HashMap<K, usize>, key: Option<&K>) {
    if let Some(key) = key {
        *counts.entry(key.clone()).or_default() += 1;
    }
}

fn discount<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: Option<&K>) {
    let Some(key) = key else { return };
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ApiToken;

    #[test]
    fn whoever_leaves_is_forgotten_and_nobody_else() {
        let audience = Subscribers::default();
        let credential = Credential::Token(ApiToken::new([7; 32]).hash());
        let one = audience.enter(Timeline::Own(UserId(1)), Some(credential.clone()));
        let two = audience.enter(Timeline::Own(UserId(1)), Some(credential.clone()));
        let three = audience.enter(Timeline::Public, None);
        assert_eq!(audience.everybodys(), 1);
        drop((one, three));
        assert_eq!(audience.everybodys(), 0);
        assert_eq!(audience.readers(), [UserId(1)]);
        assert_eq!(audience.credentials(), [credential]);
        drop(two);
        assert!(audience.readers().is_empty() && audience.credentials().is_empty());
    }
}
