//! How a command ended, as the simulator sees it, and what that says of whether it happened.

use std::fmt;

/// The status that every command must be answered with.
const DONE: u16 = 204;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With the contract's 204, in time.
    Done,
    /// In an error.
    Failed(Error),
}

/// The simulator's categories of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Error {
    /// Another status than 204.
    Status(u16),
    /// No answer in time.
    ReadTimeout,
    /// No connection, so that nothing was sent.
    Unconnected,
    /// No connection in all the time there was: the server has no room for it, or is not there.
    Unreached,
    /// A connection that broke, or what came over it is no HTTP.
    Broken,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::ReadTimeout => f.write_str("ReadTimeout"),
            Self::Unconnected | Self::Unreached | Self::Broken => f.write_str("ConnectionError"),
        }
    }
}

/// Whether a command took effect, by all that its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It did.
    Happened,
    /// It did not.
    Nothing,
    /// It may have, or may do so yet.
    Uncertain,
}

impl Outcome {
    /// The outcome of an answer with this status.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        if status == DONE { Self::Done } else { Self::Failed(Error::Status(status)) }
    }

    /// What the outcome says of the command's effect. A status of 400 to 499 refuses a command; any
    /// other wrong one tells nothing.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::Done => Effect::Happened,
            Self::Failed(Error::Status(400..=499) | Error::Unconnected | Error::Unreached) => {
                Effect::Nothing
            }
            Self::Failed(_) => Effect::Uncertain,
        }
    }

    /// What the outcome says of `latest`, which a refused command sets, too, unless it is refused for
    /// its credentials.
    #[must_use]
    pub const fn effect_on_latest(self) -> Effect {
        match self {
            Self::Done => Effect::Happened,
            Self::Failed(Error::Status(401 | 403) | Error::Unconnected | Error::Unreached) => {
                Effect::Nothing
            }
            Self::Failed(Error::Status(400..=499)) => Effect::Happened,
            Self::Failed(_) => Effect::Uncertain,
        }
    }

    /// Whether the server did anything in the time it had, or nothing in all of it. How long it took to be
    /// refused a connection would flatter a server that is down.
    #[must_use]
    pub const fn was_waited_for(self) -> bool {
        !matches!(self, Self::Failed(Error::Unconnected | Error::Broken))
    }
}
