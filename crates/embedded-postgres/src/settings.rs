//! The settings of an embedded server.

use std::{path::PathBuf, time::Duration};

use child_process::Cancel;

/// Which server to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The location of the data.
    pub data: Data,
    /// The directory of `postgres` and `initdb`; `None` searches the usual places.
    pub postgres_bin: Option<PathBuf>,
    /// The account that runs the server if this process is root; `None` selects the owner of the
    /// existing data, or `postgres`, or `nobody`.
    pub postgres_user: Option<String>,
    /// The number of connections that the server accepts.
    pub max_connections: u16,
    /// How the server archives its WAL; `None` archives nothing.
    pub archiving: Option<Archiving>,
    /// The shell command that fetches the archived file `%f` to `%p`, as in `restore_command`. Only the
    /// recovery of a restored cluster uses it.
    pub restore_command: Option<String>,
    /// Further options of the server, as `name=value`. They override those that this crate chooses.
    pub options: Vec<String>,
    /// How long a starting server may take to accept connections, without the replay of archived WAL.
    pub ready_timeout: Duration,
    /// Replaces `ready_timeout`, and includes the replay of archived WAL.
    pub start_timeout: Option<Duration>,
    /// Ends a start early, with [`crate::Error::Cancelled`].
    pub cancel: Cancel,
}

/// The archiving of WAL, which point-in-time recovery needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archiving {
    /// The shell command that archives the file `%p`, as in `archive_command`.
    pub command: String,
    /// The longest time until a written segment is archived although it is not full.
    pub timeout: Duration,
}

impl Settings {
    /// Enough for a connection pool, migrations and an operator's psql.
    pub const DEFAULT_MAX_CONNECTIONS: u16 = 60;

    /// The default of `pg_ctl`.
    pub const DEFAULT_READY_TIMEOUT: Duration = Duration::from_secs(60);

    /// The default settings for `data`.
    pub fn new(data: Data) -> Self {
        Self {
            data,
            postgres_bin: None,
            postgres_user: None,
            max_connections: Self::DEFAULT_MAX_CONNECTIONS,
            archiving: None,
            restore_command: None,
            options: Vec::new(),
            ready_timeout: Self::DEFAULT_READY_TIMEOUT,
            start_timeout: None,
            cancel: Cancel::default(),
        }
    }
}

/// The location of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A directory, which is created if it is missing and kept.
    Directory(PathBuf),
    /// A new directory below the system's temporary directory, removed when the server stops.
    Ephemeral,
    /// A new directory below this one, removed when the server stops.
    EphemeralIn(PathBuf),
}
