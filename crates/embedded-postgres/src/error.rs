//! Errors of the embedded server.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
};

/// A failure to find, create, start or use the embedded PostgreSQL server. The texts are for the
/// operator: they name directories, programs, settings and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable PostgreSQL is installed.
    #[error(
        "found no PostgreSQL server of version {oldest} or newer (the programs postgres and initdb). \
         Install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install \
         postgresql-server; macOS: brew install postgresql), name its directory with \
         --postgres-bin (MINITWIT_POSTGRES_BIN), or use another server with --database-url \
         (DATABASE_URL)"
    )]
    NoBinaries {
        /// The oldest supported major version.
        oldest: u32,
    },

    /// `--postgres-bin` is unusable.
    #[error("--postgres-bin (MINITWIT_POSTGRES_BIN) is {}, but {reason}", .dir.display())]
    InvalidBinDirectory {
        /// The setting's value.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The existing cluster needs another major version than those installed.
    #[error(
        "the data in {} is of PostgreSQL {wanted}, but only {found} is {}",
        .pgdata.display(), .remedy.text(*.wanted, .pgdata)
    )]
    WrongMajor {
        /// The directory of the cluster.
        pgdata: PathBuf,
        /// The major version in its `PG_VERSION`.
        wanted: u32,
        /// The installed versions, separated by commas.
        found: String,
        /// What to do.
        remedy: Remedy,
    },

    /// `--postgres-user` is unusable.
    #[error("--postgres-user (MINITWIT_POSTGRES_USER) is {name}, but {reason}")]
    InvalidUser {
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

    /// PostgreSQL's account cannot enter the data directory.
    #[error(
        "PostgreSQL runs as the user {user}, which cannot enter {}. Choose another data directory \
         with --data-dir (MINITWIT_DATA_DIR), or permit it with: chmod o+x {}",
        .blocking.display(), .blocking.display()
    )]
    Unreachable {
        /// The account.
        user: String,
        /// The outermost directory that the account cannot enter.
        blocking: PathBuf,
    },

    /// There is no home directory for the data.
    #[error("found no home directory for the data: set --data-dir (MINITWIT_DATA_DIR) or HOME")]
    NoHome,

    /// Another process has locked the data directory.
    #[error(
        "another MiniTwit{} uses the data directory {}: stop it first, or choose another directory \
         with --data-dir (MINITWIT_DATA_DIR)",
        .holder.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        .path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that has locked it, as that process sees its id. A container has ids of its own.
        holder: Option<u32>,
    },

    /// The cluster's directory holds something else, which is left untouched.
    #[error("{} is neither empty nor a PostgreSQL cluster: move it away", .0.display())]
    NotACluster(PathBuf),

    /// The cluster is missing, but a replaced one lies beside it.
    #[error(
        "{} is missing, but {} is there: a restore was interrupted, or the data was moved. Run the \
         restore again, or rename the directory that holds the right data to {}",
        .pgdata.display(), .kept.display(), .pgdata.display()
    )]
    InterruptedRestore {
        /// The directory of the cluster.
        pgdata: PathBuf,
        /// A replaced cluster.
        kept: PathBuf,
    },

    /// There is no cluster to upgrade.
    #[error(
        "found no PostgreSQL data to upgrade in {}: name its directory with --data-dir \
         (MINITWIT_DATA_DIR)",
        .0.display()
    )]
    NothingToUpgrade(PathBuf),

    /// An installation lacks a program that an upgrade runs.
    #[error(
        "PostgreSQL {major} in {} has no program {program}, which the upgrade needs: install {}",
        .directory.display(), packages(*.major)
    )]
    MissingProgram {
        /// The program.
        program: &'static str,
        /// The directory of the installation's programs.
        directory: PathBuf,
        /// The installation's major version.
        major: u32,
    },

    /// A copy of the cluster does not fit on the disk.
    #[error(
        "the upgrade copies the data in {}: it needs {} MiB, and {} MiB is free",
        .directory.display(), .needed.div_ceil(1 << 20), .free >> 20
    )]
    NoSpace {
        /// The data directory.
        directory: PathBuf,
        /// The needed space in bytes.
        needed: u64,
        /// The free space in bytes.
        free: u64,
    },

    /// Parts of the cluster are outside its directory, and an upgrade would not copy them.
    #[error("{} is not empty: move all tables to the tablespace pg_default first", .0.display())]
    Tablespaces(PathBuf),

    /// A program of an upgrade failed.
    #[error(
        "{program} failed ({status}); the data is unchanged. The end of its output: {output}. \
         Its files are in {} until the next start", .directory.display()
    )]
    Tool {
        /// The program.
        program: &'static str,
        /// Its exit status.
        status: ExitStatus,
        /// The last lines of its output.
        output: String,
        /// Its working directory.
        directory: PathBuf,
    },

    /// The caller has ended a start or an upgrade.
    #[error("cancelled; the data is unchanged")]
    Cancelled,

    /// `initdb` failed.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// Its exit status.
        status: ExitStatus,
        /// Its standard error.
        output: String,
    },

    /// The postmaster of an earlier run does not stop.
    #[error("the PostgreSQL process {pid} of an earlier run does not stop: end it by hand")]
    Orphan {
        /// Its process id.
        pid: i32,
    },

    /// PostgreSQL ended before it accepted connections.
    #[error("PostgreSQL did not start ({status}). Its last messages: {log}")]
    Exited {
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },

    /// PostgreSQL runs, but did not accept connections in time.
    #[error("PostgreSQL was not ready within {seconds} s. Its last messages: {log}")]
    NotReady {
        /// The time-out in seconds.
        seconds: u64,
        /// The end of its log.
        log: String,
    },

    /// A defect of this crate. The panic hook reports the cause.
    #[error("the thread that supervises PostgreSQL panicked")]
    SupervisorPanicked,

    /// The database could not be created.
    #[error("cannot create the database {name}: {}", server_text(.cause))]
    CreateDatabase {
        /// The database's name.
        name: String,
        /// The cause.
        cause: sqlx::Error,
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

/// What to do if no installed version can use the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Install the old version, and upgrade the data to the installed one.
    InstallOld,
    /// Upgrade the data: the old version is installed, but a setting names the new one.
    Upgrade,
    /// Install the newer version that has made the data.
    InstallNew,
}

impl Remedy {
    fn text(self, wanted: u32, pgdata: &Path) -> String {
        let data_directory = pgdata.parent().unwrap_or(pgdata);
        let upgrade = format!("minitwit upgrade --data-dir {}", shell_word(data_directory));
        match self {
            Self::InstallOld => {
                format!("installed: install {}, then type: {upgrade}", packages(wanted))
            }
            Self::Upgrade => format!(
                "in --postgres-bin (MINITWIT_POSTGRES_BIN): to upgrade the data, type: {upgrade}"
            ),
            Self::InstallNew => {
                format!("installed, and no older version can read it: install {}", packages(wanted))
            }
        }
    }
}

/// The text without the line number of PostgreSQL's source code, which the driver appends.
fn server_text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

/// How packagers name a major version.
fn packages(major: u32) -> String {
    format!(
        "PostgreSQL {major} (Debian, Ubuntu: apt-get install postgresql-{major}; Fedora: dnf install \
         postgresql{major}-server; macOS: brew install postgresql@{major})"
    )
}

/// The path as one word for a shell.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

impl Error {
    /// For `map_err`: adds the operation and the path to an I/O error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
