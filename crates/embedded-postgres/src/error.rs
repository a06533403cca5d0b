//! Why the embedded server did not start: each text names what is wrong and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A failure to find, create, start or use the embedded PostgreSQL server. The texts are for the
/// operator; they name directories and programs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable server programs anywhere.
    #[error(
        "found no PostgreSQL server of version {oldest} or newer (the programs postgres and initdb). \
         Install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install \
         postgresql-server; macOS: brew install postgresql), name its directory with \
         --postgres-bin (MINITWIT_POSTGRES_BIN), or use a server of your own with DATABASE_URL"
    )]
    NoBinaries {
        /// The oldest major version that would do.
        oldest: u32,
    },

    /// The explicit directory of the server programs is wrong.
    #[error("--postgres-bin (MINITWIT_POSTGRES_BIN) is {}, but {reason}", .dir.display())]
    WrongBinSetting {
        /// The setting's value.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The cluster exists, but only programs of other major versions do.
    #[error(
        "the data in {} was made by PostgreSQL {wanted}, but only {found} is installed. Install \
         PostgreSQL {wanted}, or move the data with pg_upgrade or pg_dump", .pgdata.display()
    )]
    NoBinariesOfMajor {
        /// The directory of the cluster.
        pgdata: PathBuf,
        /// The major version in its `PG_VERSION`.
        wanted: u32,
        /// The versions that were found, as a text.
        found: String,
    },

    /// The setting of the account is wrong.
    #[error("--postgres-user (MINITWIT_POSTGRES_USER) is {name}, but {reason}")]
    WrongUserSetting {
        /// The setting's value.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// Root has no account to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root, and this system has neither an account postgres nor \
         nobody: name one with --postgres-user (MINITWIT_POSTGRES_USER)"
    )]
    NoAccount,

    /// The account that PostgreSQL runs as cannot enter the data directory.
    #[error(
        "PostgreSQL would run as the user {user}, who cannot enter {}. Choose a data directory \
         elsewhere, or allow it with: chmod o+x {}", .blocking.display(), .blocking.display()
    )]
    Unreachable {
        /// The os_user.
        user: String,
        /// The outermost directory that the account cannot enter.
        blocking: PathBuf,
    },

    /// There is no home directory to put the data in.
    #[error("found no home directory for the data: name a data directory or set HOME")]
    NoHome,

    /// The data directory is locked.
    #[error(
        "another MiniTwit uses the data directory {}: stop it first, or choose another directory",
        .0.display()
    )]
    InUse(PathBuf),

    /// The place of the cluster holds something else. Nothing was touched.
    #[error("{} is neither empty nor a PostgreSQL cluster: move it away", .0.display())]
    NotACluster(PathBuf),

    /// `initdb` failed.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote to its standard error.
        output: String,
    },

    /// A postmaster of a former run does not stop.
    #[error("the PostgreSQL process {pid} of a former run does not stop: end it by hand")]
    Orphan {
        /// Its process id.
        pid: i32,
    },

    /// PostgreSQL ended before it accepted connections.
    #[error("PostgreSQL did not start ({status}). Its last messages: {log}")]
    Exited {
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },

    /// PostgreSQL runs, but did not accept connections in time.
    #[error("PostgreSQL was not ready within {seconds} s. Its last messages: {log}")]
    NotReady {
        /// The time allowed, in seconds.
        seconds: u64,
        /// The end of its log.
        log: String,
    },

    /// A defect of MiniTwit; the panic's own message is on the standard error.
    #[error("the thread that supervises PostgreSQL panicked")]
    SupervisorPanicked,

    /// The database could not be created.
    #[error("cannot create the database {name}")]
    CreateDatabase {
        /// The database's name.
        name: String,
        /// The cause.
        source: sqlx::Error,
    },

    /// An operation on a file, a directory or a program failed.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    /// Turns the error of an operation into one that says what was tried on which path; made for
    /// `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
