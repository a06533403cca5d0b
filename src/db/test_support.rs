//! For tests: failures of statements.

use sqlx::error::{DatabaseError, ErrorKind};

use super::Error;

/// PostgreSQL's error with this SQLSTATE.
#[derive(Debug, thiserror::Error)]
#[error("a planted failure: {0}")]
struct Planted(&'static str);

impl DatabaseError for Planted {
    fn message(&self) -> &str {
        self.0
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.0.into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// PostgreSQL rejected a row.
pub(crate) fn rejected_row() -> Error {
    sqlx::Error::Database(Box::new(Planted("23514"))).into()
}

/// PostgreSQL ended a deadlock.
pub(crate) fn deadlock() -> Error {
    sqlx::Error::Database(Box::new(Planted("40P01"))).into()
}

/// The connection ended, and the outcome of the statement is unknown.
pub(crate) fn connection_lost() -> Error {
    sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()).into()
}
