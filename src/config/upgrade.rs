//! The settings of `minitwit upgrade`.

use std::path::PathBuf;

use clap::Args;

use super::{DatabaseArgs, LogArgs};

/// The settings of `minitwit upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Check whether the upgrade is possible, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Directory of the PostgreSQL programs of the data's version [default: found by that version]
    #[arg(long, env = "MINITWIT_OLD_POSTGRES_BIN", value_name = "DIRECTORY")]
    pub old_postgres_bin: Option<PathBuf>,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
