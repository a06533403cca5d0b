//! The subscribers of all open streams.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::request::{Credential, Timeline};
use crate::domain::UserId;

/// Clones share one state.
#[derive(Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    next_id: u64,
    by_id: HashMap<u64, (Timeline, Option<Credential>)>,
}

/// One subscriber, until dropped.
pub(super) struct Subscriber {
    pub(super) timeline: Timeline,
    pub(super) credential: Option<Credential>,
    subscribers: Subscribers,
    id: u64,
}

impl Subscribers {
    pub(super) fn add(&self, timeline: Timeline, credential: Option<Credential>) -> Subscriber {
        let mut entries = self.entries();
        let id = entries.next_id;
        entries.next_id += 1;
        entries.by_id.insert(id, (timeline, credential.clone()));
        Subscriber { timeline, credential, subscribers: self.clone(), id }
    }

    pub(super) fn public_count(&self) -> usize {
        let entries = self.entries();
        entries.by_id.values().filter(|(timeline, _)| *timeline == Timeline::Public).count()
    }

    /// The users whose own timelines have subscribers.
    pub(super) fn readers(&self) -> Vec<UserId> {
        let entries = self.entries();
        let readers = entries.by_id.values().filter_map(|(timeline, _)| timeline.reader());
        readers.collect::<HashSet<_>>().into_iter().collect()
    }

    pub(super) fn credentials(&self) -> HashSet<Credential> {
        let entries = self.entries();
        entries.by_id.values().filter_map(|(_, credential)| credential.clone()).collect()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.subscribers.entries().by_id.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ApiToken;

    #[test]
    fn a_dropped_subscriber_is_removed_and_no_other() {
        let subscribers = Subscribers::default();
        let credential = Credential::Token(ApiToken::new([7; 32]).hash());
        let own = subscribers.add(Timeline::Own(UserId(1)), Some(credential.clone()));
        let same_user = subscribers.add(Timeline::Own(UserId(1)), Some(credential.clone()));
        let public = subscribers.add(Timeline::Public, None);
        assert_eq!(subscribers.public_count(), 1);
        drop((own, public));
        assert_eq!(subscribers.public_count(), 0);
        assert_eq!(subscribers.readers(), [UserId(1)]);
        assert_eq!(subscribers.credentials(), HashSet::from([credential]));
        drop(same_user);
        assert!(subscribers.readers().is_empty() && subscribers.credentials().is_empty());
    }
}
