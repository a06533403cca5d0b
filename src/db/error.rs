//! How the database fails: for now, or for good.

use sqlx::error::ErrorKind;

/// A failure of the database. Neither kind is the client's doing, and no text is for its eyes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or has no time; the same request may succeed soon.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database received a statement and sent no result in time, for example because its host is
    /// unreachable.
    #[error("the database does not respond")]
    Unresponsive,
    /// The statement failed, and would fail again.
    #[error("the database failed")]
    Failed(#[source] sqlx::Error),
}

/// SQLSTATEs that pass by themselves: connection exceptions (08…), insufficient resources (53…),
/// operator intervention such as a shutdown or a cancelled statement (57…), a read-only standby
/// (25006), serialization failures and deadlocks (40…).
const PASSING_STATES: &[&str] = &["08", "53", "57", "25006", "40"];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) { Self::Unavailable(error) } else { Self::Failed(error) }
    }
}

/// Whether a failure passes by itself.
pub(super) fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(cause) => cause
            .code()
            .is_some_and(|code| PASSING_STATES.iter().any(|state| code.starts_with(state))),
        _ => false,
    }
}

impl Error {
    /// Whether PostgreSQL itself refused the statement, so that nothing is left of it, for a reason
    /// that a statement over fewer rows need not meet: a row's, or that of two who waited for each
    /// other.
    #[must_use]
    pub fn left_nothing(&self) -> bool {
        match self {
            Self::Failed(sqlx::Error::Database(_)) => true,
            Self::Unavailable(sqlx::Error::Database(cause)) => {
                cause.code().is_some_and(|code| code.starts_with("40"))
            }
            _ => false,
        }
    }

    /// Whether a row broke the foreign key of this name: what it refers to was removed meanwhile.
    pub(super) fn breaks_foreign_key(&self, constraint: &str) -> bool {
        let Self::Failed(sqlx::Error::Database(cause)) = self else { return false };
        cause.kind() == ErrorKind::ForeignKeyViolation && cause.constraint() == Some(constraint)
    }
}

/// Whether `error` says that a row broke the `CHECK` constraint of this name.
pub(super) fn breaks_check(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().is_some_and(|cause| {
        cause.kind() == ErrorKind::CheckViolation && cause.constraint() == Some(constraint)
    })
}
