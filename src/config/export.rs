//! The settings of `minitwit export`.

use std::path::PathBuf;

use clap::Args;

use super::{DatabaseArgs, LogArgs};

/// The settings of `minitwit export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The directory to create
    pub directory: PathBuf,

    /// Export password hashes too, so that users can sign in to the system that imports them
    #[arg(long)]
    pub password_hashes: bool,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
