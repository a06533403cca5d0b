//! Database errors: temporary or permanent.

use sqlx::error::ErrorKind;

use super::cause::Cause;

/// A failure of the database. Clients never see its text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL is unreachable or overloaded; a retry may succeed.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// PostgreSQL accepted a statement and did not respond in time, for example because its host
    /// failed.
    #[error("the database does not respond")]
    Unresponsive,
    /// Too many statements of this class wait for a connection.
    #[error("too many statements of this kind wait for the database")]
    QueueFull,
    /// The statement failed; a retry would fail again.
    #[error("a database statement failed")]
    Failed(#[source] Cause),
}

/// SQLSTATEs of temporary failures: connection exceptions (08…), insufficient resources (53…),
/// operator intervention such as a shutdown or a cancelled statement (57…), errors of the disk or of
/// PostgreSQL's files (58…), a read-only standby (25006), serialization failures and deadlocks (40…).
const TEMPORARY_STATES: &[&str] = &["08", "53", "57", "58", "25006", "40"];

/// SQLSTATEs at run time of a role or a database that was dropped, or has lost its rights: a rejected
/// connection (28…), an unknown database (3D…), a missing right (42501). An operator can undo it.
const GONE_STATES: &[&str] = &["28", "3D", "42501"];

/// The SQLSTATE of a rejected connection, when there are too many.
const NO_SLOT: &str = "53300";
const DISK_FULL: &str = "53100";
/// A value exceeds a limit of PostgreSQL, such as the size of a tsvector.
const PROGRAM_LIMIT_EXCEEDED: &str = "54000";

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_temporary(&error) || has_state(&error, GONE_STATES) {
            Self::Unavailable(error.into())
        } else {
            Self::Failed(error.into())
        }
    }
}

pub(super) fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        error => has_state(error, TEMPORARY_STATES),
    }
}

/// Whether PostgreSQL rejected a connection because it, the role or the database has too many.
pub(super) fn is_no_slot(error: &sqlx::Error) -> bool {
    has_state(error, &[NO_SLOT])
}

fn has_state(error: &sqlx::Error, states: &[&str]) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code());
    code.is_some_and(|code| states.iter().any(|state| code.starts_with(state)))
}

impl Error {
    /// True if PostgreSQL rolled the statement back because of a single row or a deadlock, so that
    /// a retry row by row can succeed.
    pub fn allows_row_retry(&self) -> bool {
        match self {
            Self::Failed(Cause(sqlx::Error::Database(_))) => true,
            Self::Unavailable(Cause(sqlx::Error::Database(cause))) => {
                cause.code().is_some_and(|code| code.starts_with("40"))
            }
            _ => false,
        }
    }

    pub(super) fn is_disk_full(&self) -> bool {
        let Self::Unavailable(Cause(sqlx::Error::Database(cause))) = self else { return false };
        cause.code().as_deref() == Some(DISK_FULL)
    }

    pub(super) fn exceeds_program_limit(&self) -> bool {
        let Self::Failed(Cause(sqlx::Error::Database(cause))) = self else { return false };
        cause.code().as_deref() == Some(PROGRAM_LIMIT_EXCEEDED)
    }

    /// Whether a row violated the foreign key `constraint`: the referenced row does not exist.
    pub(super) fn violates_foreign_key(&self, constraint: &str) -> bool {
        self.violates(ErrorKind::ForeignKeyViolation, constraint)
    }

    pub(super) fn violates_check(&self, constraint: &str) -> bool {
        self.violates(ErrorKind::CheckViolation, constraint)
    }

    pub(super) fn violates_unique(&self, constraint: &str) -> bool {
        self.violates(ErrorKind::UniqueViolation, constraint)
    }

    fn violates(&self, kind: ErrorKind, constraint: &str) -> bool {
        let Self::Failed(Cause(sqlx::Error::Database(cause))) = self else { return false };
        cause.kind() == kind && cause.constraint() == Some(constraint)
    }
}
