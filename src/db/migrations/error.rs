//! Why a schema cannot be used or checked.

use refinery_core::SchemaVersion;
use semver::Version;

use super::rights;
use crate::db::{
    cause::Cause,
    connection_settings::{self, WrongSetting},
    error, slots,
};

/// The SQLSTATEs of a table without the expected columns, or that is no table.
const WRONG_FORM: [&str; 4] = ["42703", "42804", "42883", "42809"];

/// The schema cannot be used or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or a statement failed.
    #[error("the database failed")]
    Database(#[source] Cause),
    /// A setting of the connection cannot be set.
    #[error(transparent)]
    Setting(#[from] WrongSetting),
    /// The database does not store text as UTF-8.
    #[error("the database's encoding is {0}; MiniTwit needs UTF8")]
    Encoding(String),
    /// A migration failed.
    #[error("{0}")]
    Refinery(#[from] refinery_core::Error),
    /// An applied migration differs from the one that this program embeds.
    #[error("migration V{0} was changed after it was applied to this database")]
    Changed(SchemaVersion),
    /// Migrations of a program before the first release made the schema.
    #[error("schema V{version} ({name}) belongs to no release: this program has other migrations")]
    UnknownHistory {
        /// The number of the last applied migration.
        version: SchemaVersion,
        /// The name of that migration.
        name: String,
    },
    /// Another program's table has the name of the history.
    #[error("the table refinery_schema_history is another program's")]
    ForeignHistory(#[source] sqlx::Error),
    /// An object of another program has the name of one of this program's.
    #[error("the {0} is another program's")]
    ForeignObject(String),
    /// The role lacks a right.
    #[error(transparent)]
    Rights(rights::Error),
    /// The history is right, but objects that the migrations create are missing or differ.
    #[error("the schema is damaged: {} are missing or differ from those of this program", names(.0))]
    Damaged(Vec<String>),
    /// Another session holds the advisory lock.
    #[error(
        "waited {seconds} s for the lock of migrations, which is the limit of {setting}; {holder} holds it"
    )]
    Locked {
        /// How long this program has waited.
        seconds: u64,
        /// The setting that limits the wait.
        setting: &'static str,
        /// The session with the lock.
        holder: String,
    },
    /// Other sessions use a table that a migration changes.
    #[error(
        "waited {seconds} s for the lock of a table, which is the limit of {setting}; end the transactions that use it"
    )]
    TableInUse {
        /// How long this program has waited.
        seconds: u64,
        /// The setting that limits the wait.
        setting: &'static str,
        /// The failed migration.
        source: refinery_core::Error,
    },
    /// Migrations are pending, and this program is set not to apply them.
    #[error("{0} migration(s) are pending; run `minitwit migrate` first")]
    Pending(usize),
    /// A contracting migration removed something that this program needs.
    #[error(
        "this program is version {program}, but the database's schema needs {oldest} or newer \
         (migration V{migration})"
    )]
    ProgramTooOld {
        /// This program's version.
        program: Version,
        /// The oldest version that works on the schema.
        oldest: Version,
        /// The contracting migration.
        migration: i32,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<rights::Error> for Error {
    fn from(error: rights::Error) -> Self {
        match error {
            rights::Error::Database(error) => Self::Database(error.into()),
            error => Self::Rights(error),
        }
    }
}

impl From<connection_settings::Error> for Error {
    fn from(error: connection_settings::Error) -> Self {
        match error {
            connection_settings::Error::Wrong(wrong) => Self::Setting(wrong),
            connection_settings::Error::Database(error) => Self::Database(error.into()),
        }
    }
}

impl Error {
    /// Whether the cause is the database or the role, so that another one may do.
    pub fn is_of_database(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Encoding(_) | Self::Setting(_) | Self::Rights(_))
    }

    /// Whether the database belongs to another program, or to one before the first release.
    pub fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::UnknownHistory { .. } | Self::ForeignHistory(_) | Self::ForeignObject(_)
        )
    }

    /// The error of a statement that reads the history: a table of another form is another program's.
    pub(super) fn of_history(error: refinery_core::Error) -> Self {
        use std::error::Error as _;
        let is_form = |cause: &sqlx::Error| match cause {
            sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => true,
            sqlx::Error::Database(cause) => {
                cause.code().is_some_and(|code| WRONG_FORM.contains(&code.as_ref()))
            }
            _ => false,
        };
        let cause = error.source().and_then(|cause| cause.downcast_ref::<Cause>());
        if cause.is_some_and(|cause| is_form(&cause.0)) {
            return Self::ForeignHistory(sqlx::Error::Decode(Box::new(error)));
        }
        Self::Refinery(error)
    }

    /// What an operator can do if PostgreSQL has no connection left; `None` for other errors.
    pub fn too_few_connections(&self) -> Option<&'static str> {
        let Self::Database(cause) = self else { return None };
        error::is_no_slot(&cause.0).then(|| slots::remedy(&cause.0))
    }

    /// True if a retry may succeed: another process migrates, or the database is unavailable.
    pub fn passes(&self) -> bool {
        match self {
            Self::Pending(_) | Self::Locked { .. } | Self::TableInUse { .. } => true,
            Self::Database(cause) => error::is_temporary(&cause.0),
            _ => false,
        }
    }
}

/// The most objects that an error names.
const NAMED_OBJECTS: usize = 5;

fn names(objects: &[String]) -> String {
    let named = objects.iter().take(NAMED_OBJECTS).map(String::as_str);
    let mut text = named.collect::<Vec<_>>().join(", ");
    if let Some(more) = objects.len().checked_sub(NAMED_OBJECTS).filter(|more| *more > 0) {
        text.push_str(&format!(", and {more} more"));
    }
    text
}
