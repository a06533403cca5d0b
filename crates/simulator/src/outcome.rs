//! The outcome of a command as the client sees it, and what it says about the command's effect.

use std::fmt;

/// The status with which the contract confirms a command.
const SUCCESS: u16 = 204;

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The contract's 204, in time.
    Done,
    /// A registration got 400 because its user existed before the run. This is no error.
    AlreadyRegistered,
    /// Anything else.
    Failed(CommandError),
}

/// Why a command failed. `Display` gives the simulator's name of the category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CommandError {
    /// A status other than 204.
    Status(u16),
    /// A connection, but no complete response in time.
    ReadTimeout,
    /// The connection was refused or closed before the request was sent.
    ConnectFailed,
    /// No connection within the time-out: the server does not accept any, or is unreachable.
    ConnectTimeout,
    /// The connection broke after the request was sent, or the response is not HTTP.
    ConnectionBroken,
}

impl CommandError {
    /// Whether the error is a sign of overload: a time-out, a failed connection, or a status of 500
    /// or more. Other statuses can be consequences of an earlier error, such as 404 after a
    /// registration was lost.
    pub const fn is_overload(self) -> bool {
        !matches!(self, Self::Status(..500))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::ReadTimeout => f.write_str("ReadTimeout"),
            Self::ConnectFailed | Self::ConnectTimeout | Self::ConnectionBroken => {
                f.write_str("ConnectionError")
            }
        }
    }
}

/// Whether a command took effect, as far as the client can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It took effect.
    Happened,
    /// It had no effect and will have none.
    Nothing,
    /// It may have taken effect, or may still do so.
    Uncertain,
}

impl Outcome {
    /// The outcome of a response with this status.
    pub const fn of_status(status: u16) -> Self {
        if status == SUCCESS { Self::Done } else { Self::Failed(CommandError::Status(status)) }
    }

    /// The effect of the command. A status from 400 to 499 means that the server rejected it; any
    /// other wrong status says nothing.
    pub const fn effect(self) -> Effect {
        use CommandError::{ConnectFailed, ConnectTimeout, Status};
        match self {
            Self::Done | Self::AlreadyRegistered => Effect::Happened,
            Self::Failed(Status(400..=499) | ConnectFailed | ConnectTimeout) => Effect::Nothing,
            Self::Failed(_) => Effect::Uncertain,
        }
    }

    /// The effect on `latest`, which a rejected command sets too, unless its credentials are wrong.
    pub const fn effect_on_latest(self) -> Effect {
        use CommandError::{ConnectFailed, ConnectTimeout, Status};
        match self {
            Self::Done | Self::AlreadyRegistered => Effect::Happened,
            Self::Failed(Status(401 | 403) | ConnectFailed | ConnectTimeout) => Effect::Nothing,
            Self::Failed(Status(400..=499)) => Effect::Happened,
            Self::Failed(_) => Effect::Uncertain,
        }
    }

    /// Whether the latency counts: the server did the work, or used up the time-out. A rejected
    /// connection is fast, and would make a server that is down look fast. So is the response to a
    /// registration of an existing user, because no password is hashed.
    pub const fn has_latency(self) -> bool {
        use CommandError::{ConnectFailed, ConnectionBroken};
        !matches!(self, Self::AlreadyRegistered | Self::Failed(ConnectFailed | ConnectionBroken))
    }
}
