//! Why an operation was not carried out.

use std::sync::Arc;

use crate::{
    db,
    domain::{Invalid, Username},
};

/// A refusal (the client's doing, its text is for the client) or a failure (ours, its text is not).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Somebody else has the name.
    #[error("The username is already taken")]
    UsernameTaken,
    /// Nobody has the name.
    #[error("There is no user named {0}")]
    UnknownUser(Username),
    /// The name at sign-in is nobody's.
    #[error("Invalid username")]
    WrongUsername,
    /// The password at sign-in is not that user's.
    #[error("Invalid password")]
    WrongPassword,
    /// The password is right, but an operator keeps the user out.
    #[error("This account is disabled")]
    Disabled,
    /// What is to be changed is somebody else's.
    #[error("This is not yours to change")]
    NotYours,
    /// The user has no bearer token of that number.
    #[error("You have no such token")]
    UnknownToken,
    /// There is no such message, or none that may be seen.
    #[error("There is no such message")]
    UnknownMessage,
    /// A limit on how often something may be tried is reached.
    #[error("That was too often; try again in {retry_after} s")]
    TooMany {
        /// Seconds until it is let pass again.
        retry_after: u64,
    },
    /// Too many passwords wait to be hashed.
    #[error("Too many passwords are being hashed")]
    Busy,
    /// Too many listen to the feed, or nobody may begin to since the server stops.
    #[error("too many clients listen to the stream")]
    Crowded,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A statement that served several requests failed for all of them.
    #[error(transparent)]
    Shared(Arc<db::Error>),
    /// The request waited for the database for too long.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// Whatever was to answer ended without an answer.
    #[error("the task that was to answer is gone")]
    Abandoned,
    /// bcrypt failed.
    #[error("password hashing failed")]
    Hashing(#[from] bcrypt::BcryptError),
    /// A task panicked.
    #[error("a task failed")]
    TaskFailed(#[source] tokio::task::JoinError),
}

/// What an [`Error`] means to whoever asked, whatever the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request breaks a rule.
    Invalid,
    /// The request is for somebody else to make.
    Forbidden,
    /// The request names something that does not exist.
    NotFound,
    /// The client has tried it too often.
    TooMany,
    /// The server cannot do it now; later it may.
    Unavailable,
    /// The server failed.
    Internal,
}

impl Error {
    /// What this error means to whoever asked.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_)
            | Self::UsernameTaken
            | Self::WrongUsername
            | Self::WrongPassword
            | Self::Disabled => Kind::Invalid,
            Self::UnknownUser(_) | Self::UnknownToken | Self::UnknownMessage => Kind::NotFound,
            Self::NotYours => Kind::Forbidden,
            Self::TooMany { .. } => Kind::TooMany,
            Self::Busy | Self::Overloaded | Self::Crowded => Kind::Unavailable,
            Self::Database(error) => Self::database_kind(error),
            Self::Shared(error) => Self::database_kind(error),
            Self::Hashing(_) | Self::TaskFailed(_) | Self::Abandoned => Kind::Internal,
        }
    }

    /// Seconds after which to try again what was tried too often.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    fn database_kind(error: &db::Error) -> Kind {
        match error {
            db::Error::Unavailable(_) | db::Error::Unresponsive => Kind::Unavailable,
            db::Error::Failed(_) => Kind::Internal,
        }
    }
}
