//! The database and its connection pool.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    DatabaseUrl,
    values::{Secret, seconds, secret_file},
};

/// The database: a given server, or the embedded PostgreSQL.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// Use this PostgreSQL server (postgres://…) instead of the embedded one
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub database_url: Option<DatabaseUrl>,

    /// Read the database password from this file instead of from the URL
    #[arg(
        long,
        env = "MINITWIT_DATABASE_PASSWORD_FILE",
        value_name = "FILE",
        value_parser = secret_file,
        global = true
    )]
    pub database_password_file: Option<Secret>,

    /// Data directory of the embedded PostgreSQL [default: ~/.local/share/minitwit, or
    /// /var/lib/minitwit for root]
    #[arg(long, env = "MINITWIT_DATA_DIR", value_name = "DIRECTORY", global = true)]
    pub data_dir: Option<PathBuf>,

    /// Run a temporary embedded PostgreSQL; its data is deleted at exit
    #[arg(long, env = "MINITWIT_EPHEMERAL", global = true)]
    pub ephemeral: bool,

    /// Directory of the PostgreSQL server programs [default: the newest found]
    #[arg(long, env = "MINITWIT_POSTGRES_BIN", value_name = "DIRECTORY", global = true)]
    pub postgres_bin: Option<PathBuf>,

    /// Operating system user of the embedded PostgreSQL when MiniTwit runs as root [default:
    /// postgres, or nobody]
    #[arg(long, env = "MINITWIT_POSTGRES_USER", value_name = "USER", global = true)]
    pub postgres_user: Option<String>,

    /// Seconds that the start waits for a connection to the database
    #[arg(
        long,
        env = "MINITWIT_CONNECT_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = seconds,
        global = true
    )]
    pub connect_timeout: Duration,

    /// Seconds of every other wait at start: for the lock of migrations, a locked table, the start of
    /// the embedded PostgreSQL, the backup repository [default: 600; 60 for the embedded PostgreSQL,
    /// and no limit for the replay of archived WAL]
    #[arg(
        long,
        env = "MINITWIT_START_TIMEOUT",
        value_name = "SECONDS",
        value_parser = seconds,
        global = true
    )]
    pub start_timeout: Option<Duration>,
}

impl DatabaseArgs {
    /// Whether the database is in the embedded PostgreSQL.
    pub fn is_embedded(&self) -> bool {
        self.database_url.is_none()
    }

    /// Returns an error if settings contradict each other.
    ///
    /// clap would compare only options on the same side of a subcommand's name.
    pub(super) fn check(&self) -> Result<(), String> {
        let conflict = |first: &str, second: &str| {
            Err(format!("the argument '{first}' cannot be used with '{second}'"))
        };
        if self.ephemeral && self.database_url.is_some() {
            conflict("--ephemeral", "--database-url <URL>")
        } else if self.ephemeral && self.data_dir.is_some() {
            conflict("--ephemeral", "--data-dir <DIRECTORY>")
        } else if self.database_password_file.is_some() && self.database_url.is_none() {
            Err("the argument '--database-password-file <FILE>' requires '--database-url <URL>'"
                .to_owned())
        } else {
            Ok(())
        }
    }
}

/// The pool of database connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct PoolArgs {
    /// Maximum number of database connections
    #[arg(
        long,
        env = "MINITWIT_DATABASE_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(2..)
    )]
    pub database_connections: u16,

    /// Seconds that a request waits for a database connection before it gets 503
    #[arg(
        long,
        env = "MINITWIT_DATABASE_ACQUIRE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "3",
        value_parser = seconds
    )]
    pub database_acquire_timeout: Duration,

    /// Time-out of one statement, in seconds
    #[arg(
        long,
        env = "MINITWIT_DATABASE_STATEMENT_TIMEOUT",
        value_name = "SECONDS",
        default_value = "5",
        value_parser = seconds
    )]
    pub database_statement_timeout: Duration,
}
