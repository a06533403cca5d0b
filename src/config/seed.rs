//! The settings of `minitwit seed`.

use clap::Args;

use super::{DatabaseArgs, LogArgs};

/// The settings of `minitwit seed`.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Users to make up
    #[arg(
        long,
        env = "MINITWIT_SEED_USERS",
        value_name = "NUMBER",
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    pub users: u32,

    /// Messages to make up
    #[arg(
        long,
        env = "MINITWIT_SEED_MESSAGES",
        value_name = "NUMBER",
        default_value_t = 2_000_000,
        value_parser = clap::value_parser!(u32).range(..=1_000_000_000)
    )]
    pub messages: u32,

    /// Follows to make up
    #[arg(
        long,
        env = "MINITWIT_SEED_FOLLOWS",
        value_name = "NUMBER",
        default_value_t = 3_000_000,
        value_parser = clap::value_parser!(u32).range(..=1_000_000_000)
    )]
    pub follows: u32,

    /// Which of the possible worlds it is: the same number makes the same rows
    #[arg(long, env = "MINITWIT_SEED", value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Do not ask whether users may be added whose password everybody knows
    #[arg(long)]
    pub yes: bool,

    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// How the log looks.
    #[command(flatten)]
    pub log: LogArgs,
}
