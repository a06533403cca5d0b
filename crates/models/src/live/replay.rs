//! Polls of random walks, for a test that repeats them on the real code.

use stateright::Model;

use super::parts::{Cursor, Live, Step};
use crate::walk::walk;

/// A poll of a server, and what the model makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Whether it is the first poll of the server since it started.
    pub first: bool,
    /// The number of the poll, as a time that never goes back.
    pub number: u8,
    /// All messages that are published after the poll get this time or a later one.
    pub at: u8,
    /// The transactions that hold a lock.
    pub writers: Vec<u8>,
    /// The transactions that the snapshot does not show.
    pub unseen: Vec<u8>,
    /// The messages after the position of the server.
    pub messages: Vec<Cursor>,
    /// The watermark after the poll.
    pub watermark: u8,
    /// The position after the poll.
    pub position: Cursor,
    /// The messages that the server sends.
    pub sent: Vec<Cursor>,
}

impl Live {
    /// The polls of the first server on a random walk.
    pub fn polls(&self, seed: u64) -> Vec<Poll> {
        let mut polls = Vec::new();
        let Some(mut last) = self.init_states().pop() else { return polls };
        for (step, state) in walk(self, seed) {
            if step == Step::PollLocks(0)
                && let Some(snapshot) = &last.servers[0].snapshot
                && let Some(position) = state.servers[0].position
            {
                let server = &state.servers[0];
                let before = last.servers[0].position;
                let mut sent = snapshot.messages.clone();
                sent.retain(|message| before.is_some() && *message <= position);
                polls.push(Poll {
                    first: before.is_none(),
                    number: server.polls,
                    at: snapshot.at,
                    writers: last.writers_where(|writer| last.is_locked(writer)),
                    unseen: snapshot.unseen.clone(),
                    messages: snapshot.messages.clone(),
                    watermark: server.watermark,
                    position,
                    sent,
                });
            }
            last = state;
        }
        polls
    }
}
