//! The request for a stream.

use crate::domain::{Cursor, TokenHash, UserId};

/// The timeline that a stream follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// The messages of all users.
    Public,
    /// The messages of this user and the followees.
    Own(UserId),
}

impl Timeline {
    /// The user of an own timeline.
    pub(super) fn reader(self) -> Option<UserId> {
        match self {
            Self::Public => None,
            Self::Own(reader) => Some(reader),
        }
    }
}

/// The credential that authenticated a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A bearer token.
    Token(TokenHash),
    /// A session of the pages.
    Session(TokenHash),
}

/// A request for a stream.
#[derive(Debug, Clone)]
pub struct SubscribeRequest {
    /// The timeline to follow.
    pub timeline: Timeline,
    /// The stream ends when this credential ends. The public timeline needs none.
    pub credential: Option<Credential>,
    /// The position of the last message that the client has; without it the stream starts now.
    pub after: Option<Cursor>,
}
