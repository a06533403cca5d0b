//! Errors of pgBackRest.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The exit code if the repository belongs to another cluster (`FileInvalidError`).
const OTHER_CLUSTER: i32 = 28;
/// The exit code if the archived WAL is of another cluster (`ArchiveMismatchError`).
const ARCHIVE_OF_OTHER_CLUSTER: i32 = 44;

/// The exit codes of the creation of a stanza if only a part of it exists (`PathNotEmptyError`,
/// `FileMissingError`).
const INCOMPLETE: [i32; 2] = [40, 55];

/// Parts of pgBackRest's messages if a file is not decrypted as it was encrypted: no header of an encrypted
/// file, a wrong padding, or random bytes instead of lines.
const OTHER_PASSPHRASE: [&str; 3] = [
    "cipher header invalid",
    "unable to flush",
    "FormatError: key/value found outside of section at line 1",
];

/// A failure to configure or run pgBackRest, or to understand its output. The texts are for the
/// operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not installed.
    #[error(
        "found no program pgbackrest in PATH; install it (Debian, Ubuntu: apt-get install pgbackrest)"
    )]
    Missing,

    /// The program is too old.
    #[error("pgBackRest {found} is too old; install version {oldest} or newer")]
    TooOld {
        /// The installed version.
        found: String,
        /// The oldest usable version.
        oldest: &'static str,
    },

    /// A value cannot be part of the configuration file.
    #[error("the {what} of the backup repository {reason}")]
    InvalidValue {
        /// What the value is.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A command of pgBackRest failed.
    #[error("pgbackrest {command} failed: {output}")]
    Failed {
        /// The command.
        command: &'static str,
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// Its errors and hints.
        output: String,
    },

    /// The caller has ended a command, or it took too long.
    #[error("pgbackrest {command} was cancelled")]
    Cancelled {
        /// The command.
        command: &'static str,
    },

    /// The repository cannot be read, for example because the passphrase is wrong.
    #[error("cannot read the backup repository: {0}; check its location and its passphrase")]
    Unreadable(String),

    /// The repository has another passphrase than that of the configuration, or only one of them has one.
    #[error(
        "the backup repository was made with another passphrase, or with none, and keeps it: give the \
         passphrase that it was made with, or omit it if there was none, or name a new repository"
    )]
    OtherPassphrase,

    /// The description of the repository is not complete, and its contents may be needed.
    #[error(
        "the backup repository has backups or WAL of another database, but its files archive.info or \
         backup.info are missing: name another repository; if it holds nothing that you need, delete \
         archive/{stanza} and backup/{stanza} in it"
    )]
    Incomplete {
        /// The name of the server within the repository.
        stanza: String,
    },

    /// Files of the repository are missing or damaged.
    #[error("the backup repository is damaged:\n{0}")]
    Damaged(String),

    /// The output of a command is not as expected.
    #[error("cannot understand the output of pgbackrest {command}")]
    Output {
        /// The command.
        command: &'static str,
        /// The cause.
        source: serde_json::Error,
    },

    /// An operation on a file, a directory or a program failed.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// Its object.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: adds the operation and the path to an I/O error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// The error that this text of pgBackRest means, if the configuration is the cause.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        OTHER_PASSPHRASE.iter().any(|it| text.contains(it)).then_some(Self::OtherPassphrase)
    }

    /// Whether only a part of the stanza exists.
    pub(crate) fn is_incomplete(&self) -> bool {
        matches!(self, Self::Failed { code: Some(code), .. } if INCOMPLETE.contains(code))
    }

    /// Whether the repository holds backups or WAL of another cluster.
    pub fn is_other_cluster(&self) -> bool {
        matches!(self, Self::Failed { code: Some(OTHER_CLUSTER | ARCHIVE_OF_OTHER_CLUSTER), .. })
    }
}
