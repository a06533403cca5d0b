//! The settings of `minitwit import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DatabaseArgs, DatabaseUrl, LogArgs, PasswordArgs};

/// The settings of `minitwit import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The kind of the old system.
    #[command(subcommand)]
    pub source: ImportSource,

    /// Write a report to this file: the counts, and every record that a rule applies to (JSON)
    #[arg(long, value_name = "FILE", global = true)]
    pub report: Option<PathBuf>,

    /// Only make the report; change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,

    /// Name of the old system, which identifies it in repeated imports [default: the kind of the
    /// system]
    #[arg(long = "source", value_name = "NAME", global = true, value_parser = name)]
    pub name: Option<String>,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Password hashing.
    #[command(flatten)]
    pub passwords: PasswordArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// An old system.
#[derive(Debug, Subcommand)]
pub enum ImportSource {
    /// Import the SQLite database of the original MiniTwit (Flask)
    Sqlite {
        /// The database file
        file: PathBuf,
    },
    /// Import a dump of a MongoDB: a directory or archive of mongodump, or a directory of
    /// mongoexport
    Mongo {
        /// The directory or file
        path: PathBuf,
    },
    /// Import a PostgreSQL database with the tables of the original MiniTwit
    Postgres {
        /// The database (postgres://…)
        #[arg(env = "MINITWIT_IMPORT_URL", hide_env_values = true)]
        url: DatabaseUrl,
    },
    /// Import an export of this program (minitwit export) into an empty database
    Jsonl {
        /// The directory
        directory: PathBuf,
    },
}

/// Parses the name of an old system.
fn name(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=64 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err("must have 1 to 64 characters, and no control characters".to_owned()),
    }
}
