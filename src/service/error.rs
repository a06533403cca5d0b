//! Errors of the operations.

use std::sync::Arc;

use super::passwords::HashingError;
use crate::{
    db,
    domain::{Invalid, Username},
};

/// The reason why an operation failed.
///
/// Clients see the text, unless [`Error::kind`] is `Busy`, `Unavailable` or `Internal`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Another user has the username.
    #[error("The username is already taken")]
    UsernameTaken,
    /// No user has the username.
    #[error("There is no user named {0}")]
    UnknownUser(Username),
    /// The username of a sign-in is unknown.
    #[error("Invalid username")]
    WrongUsername,
    /// The password is wrong.
    #[error("Invalid password")]
    WrongPassword,
    /// An operator disabled the account; the password is correct.
    #[error("This account is disabled")]
    Disabled,
    /// The message or account belongs to another user.
    #[error("This is not yours to change")]
    NotYours,
    /// The user has no bearer token with this id.
    #[error("You have no such token")]
    UnknownToken,
    /// The message does not exist or is flagged.
    #[error("There is no such message")]
    UnknownMessage,
    /// The message to reply to does not exist or is flagged.
    #[error("The message that you reply to does not exist any more")]
    UnknownParent,
    /// The caller used the idempotency key for another request.
    #[error("This key was used for another request")]
    IdempotencyKeyReused,
    /// A rate limit is exceeded.
    #[error("That was too often; try again in {retry_after} s")]
    RateLimited {
        /// Seconds until the limit allows the next attempt.
        retry_after: u64,
    },
    /// The queue of passwords to hash is full.
    #[error("too many passwords wait to be hashed")]
    HashingQueueFull,
    /// The server has its maximum of streams, or it is shutting down.
    #[error("too many streams are open, or the server is shutting down")]
    TooManyStreams,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A statement that several requests share failed.
    #[error(transparent)]
    Shared(Arc<db::Error>),
    /// The request waited too long for the database, or the queue of its batch is full.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// The task of the request ended without a result.
    #[error("the task that served the request ended without a result")]
    Abandoned,
    /// A hash function failed.
    #[error("password hashing failed")]
    Hashing(#[from] HashingError),
    /// A task panicked.
    #[error("a task failed")]
    TaskFailed(#[source] tokio::task::JoinError),
}

/// The class of an [`Error`], which each surface maps to a status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request breaks a rule.
    Invalid,
    /// The caller may not do this.
    Forbidden,
    /// The request names something that does not exist.
    NotFound,
    /// The client exceeded a rate limit.
    RateLimited,
    /// A queue is full; a retry may succeed. Bounds reject such requests on purpose and count them,
    /// so they are not logged as failures.
    Busy,
    /// The server cannot do it now; a retry may succeed.
    Unavailable,
    /// The server failed.
    Internal,
}

impl Error {
    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_)
            | Self::UsernameTaken
            | Self::WrongUsername
            | Self::WrongPassword
            | Self::Disabled
            | Self::IdempotencyKeyReused => ErrorKind::Invalid,
            Self::UnknownUser(_)
            | Self::UnknownToken
            | Self::UnknownMessage
            | Self::UnknownParent => ErrorKind::NotFound,
            Self::NotYours => ErrorKind::Forbidden,
            Self::RateLimited { .. } => ErrorKind::RateLimited,
            Self::HashingQueueFull => ErrorKind::Busy,
            Self::Overloaded | Self::TooManyStreams => ErrorKind::Unavailable,
            Self::Database(error) => Self::database_kind(error),
            Self::Shared(error) => Self::database_kind(error),
            Self::Hashing(_) | Self::TaskFailed(_) | Self::Abandoned => ErrorKind::Internal,
        }
    }

    /// The seconds to wait after exceeding a rate limit.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    fn database_kind(error: &db::Error) -> ErrorKind {
        match error {
            db::Error::QueueFull => ErrorKind::Busy,
            db::Error::Unavailable(_) | db::Error::Unresponsive => ErrorKind::Unavailable,
            db::Error::Failed(_) => ErrorKind::Internal,
        }
    }
}
