//! Errors of exports and of their imports.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::manifest::{FORMAT, Table};
use crate::db;

/// The reason why an export, or the import of one, failed. The texts are for operators.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory of a new export exists.
    #[error("{} exists: name a new directory", .0.display())]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The manifest is damaged.
    #[error("{} is not the manifest of an export", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// A later program has made the export.
    #[error(
        "the export has the format {0}, and this program reads {FORMAT}: use the program that made it"
    )]
    Format(u32),
    /// The manifest does not name each table once.
    #[error("the manifest names other files than those of users, messages and follows")]
    Files,
    /// A file is not the one that the manifest describes.
    #[error("{} is damaged: the manifest has {expected}, and the file has {found}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The manifest's value.
        expected: String,
        /// The file's value.
        found: String,
    },
    /// A line is not a row of the table.
    #[error("{}, line {line}: not a row of {}", .path.display(), .table.name())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// The table.
        table: Table,
        /// The cause.
        source: serde_json::Error,
    },
    /// The database contains rows.
    #[error("the database contains users already: an export is imported into an empty one")]
    NotEmpty,
    /// PostgreSQL rejected rows.
    #[error("PostgreSQL rejects a row in lines {first} to {last} of {}", .path.display())]
    Rejected {
        /// The file.
        path: PathBuf,
        /// The first line of the statement.
        first: u64,
        /// Its last line.
        last: u64,
        /// The cause.
        source: db::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// bcrypt failed.
    #[error("password hashing failed")]
    Hashing(#[from] bcrypt::BcryptError),
}

impl Error {
    /// For `map_err`: adds the operation and the path to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
