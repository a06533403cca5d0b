//! The settings of `minitwit simulate`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    SimulatorCredentialArgs,
    values::{Ramp, millis, ramp, rate, seconds},
};

/// The settings of `minitwit simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The MiniTwit's simulator API, such as http://127.0.0.1:8080/sim; any prefix will do
    #[arg(value_name = "BASE_URL")]
    pub base_url: String,

    /// Which commands.
    #[command(flatten)]
    pub source: SourceArgs,

    /// When they are sent.
    #[command(flatten)]
    pub pace: PaceArgs,

    /// How they are sent.
    #[command(flatten)]
    pub requests: RequestArgs,

    /// The credentials to send.
    #[command(flatten)]
    pub credentials: SimulatorCredentialArgs,

    /// What is told afterwards.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// Which commands are played: those of a file, or generated ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scenario")]
pub struct SourceArgs {
    /// Play this scenario, in the simulator's tab-separated format, instead of a generated one
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_SCENARIO",
        value_name = "FILE",
        conflicts_with_all = ["seed", "users", "commands", "write_scenario"]
    )]
    pub scenario: Option<PathBuf>,

    /// What chance begins with: the same number makes the same scenario
    #[arg(long, env = "MINITWIT_SIMULATE_SEED", value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Users of the generated scenario [default: one in a hundred commands]
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_USERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub users: Option<u32>,

    /// Commands of the generated scenario [default: 10000, or as many as fit --rate or --ramp in
    /// --duration]
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_COMMANDS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub commands: Option<u32>,

    /// Save the generated scenario
    #[arg(long, env = "MINITWIT_SIMULATE_WRITE_SCENARIO", value_name = "FILE")]
    pub write_scenario: Option<PathBuf>,
}

/// When commands are sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// As fast as possible, with so many requests under way
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_CONCURRENCY",
        value_name = "NUMBER",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub concurrency: u16,

    /// So many commands a second instead, whether the earlier ones have been answered or not
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_RATE",
        value_name = "NUMBER",
        value_parser = rate,
        conflicts_with = "concurrency"
    )]
    pub rate: Option<f64>,

    /// From one rate to another over --duration, to find the one at which errors begin
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_RAMP",
        value_name = "FROM..TO",
        value_parser = ramp,
        requires = "duration",
        conflicts_with_all = ["concurrency", "rate"]
    )]
    pub ramp: Option<Ramp>,

    /// Seconds after which nothing more is sent
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_DURATION",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub duration: Option<Duration>,
}

/// How commands are sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub struct RequestArgs {
    /// Milliseconds that an answer may take; the simulator gives 300
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_TIMEOUT",
        value_name = "MILLISECONDS",
        default_value = "300",
        value_parser = millis
    )]
    pub timeout: Duration,

    /// Use connections again; the simulator makes one for each request
    #[arg(long, env = "MINITWIT_SIMULATE_KEEP_ALIVE")]
    pub keep_alive: bool,
}

/// What is told afterwards.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// Read the system back afterwards, and compare it with what was sent
    #[arg(long, env = "MINITWIT_SIMULATE_VERIFY")]
    pub verify: bool,

    /// Write all figures to this file, as JSON
    #[arg(long, env = "MINITWIT_SIMULATE_JSON", value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write a page with plots to this file
    #[arg(long, env = "MINITWIT_SIMULATE_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
}
