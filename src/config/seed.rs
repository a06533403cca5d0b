//! The settings of `minitwit seed`.

use clap::Args;

use super::{DatabaseArgs, LogArgs};

/// The settings of `minitwit seed`.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Users to generate
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    pub users: u32,

    /// Messages to generate
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 2_000_000,
        value_parser = clap::value_parser!(u32).range(..=1_000_000_000)
    )]
    pub messages: u32,

    /// Follows to generate
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 3_000_000,
        value_parser = clap::value_parser!(u32).range(..=1_000_000_000)
    )]
    pub follows: u32,

    /// Seed of the random numbers: the same number gives the same rows
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Do not ask for confirmation to add users with a published password
    #[arg(long)]
    pub yes: bool,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
