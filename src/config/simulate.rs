//! The settings of `minitwit simulate`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::{
    SimulatorCredentialArgs,
    values::{seconds, time},
};

/// The settings of `minitwit simulate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SimulateArgs {
    /// Another task than a run or a check.
    #[command(subcommand)]
    pub task: Option<SimulateTask>,

    /// URL of the simulator API, such as http://127.0.0.1:8080/sim, with any prefix
    #[arg(value_name = "BASE_URL", required = true)]
    pub base_url: Option<String>,

    /// The commands.
    #[command(flatten)]
    pub source: SourceArgs,

    /// When commands are sent.
    #[command(flatten)]
    pub pace: PaceArgs,

    /// How commands are sent.
    #[command(flatten)]
    pub requests: RequestArgs,

    /// The credentials to send.
    #[command(flatten)]
    pub credentials: SimulatorCredentialArgs,

    /// The reports.
    #[command(flatten)]
    pub reports: ReportArgs,

    /// The check of the contract.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// A task of `minitwit simulate` that sends nothing.
#[derive(Debug, Subcommand)]
pub enum SimulateTask {
    /// Show the JSON reports of two to four runs or checks side by side
    Compare {
        /// JSON reports that --json wrote, all of runs or all of checks
        #[arg(value_name = "JSON", required = true, num_args = 2..=4)]
        reports: Vec<PathBuf>,

        /// Write an HTML page to this file
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },

    /// Compare a system with the record of a run, such as after a restore from its backups
    Verify(VerifyArgs),
}

/// The settings of `minitwit simulate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// URL of the simulator API
    #[arg(value_name = "BASE_URL")]
    pub base_url: String,

    /// The scenario of the run, a file of --write-scenario
    #[arg(long, value_name = "FILE")]
    pub scenario: PathBuf,

    /// The record of the run, a file of --record
    #[arg(long, value_name = "FILE")]
    pub record: PathBuf,

    /// Accept the system with and without the commands that ended after this time, such as
    /// 2026-11-27T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<OffsetDateTime>,

    /// The credentials to send.
    #[command(flatten)]
    pub credentials: SimulatorCredentialArgs,
}

/// The scenario: a file, or generated.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scenario")]
pub struct SourceArgs {
    /// Play this scenario file (tab-separated) instead of a generated scenario
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["seed", "users", "commands", "write_scenario"]
    )]
    pub scenario: Option<PathBuf>,

    /// Seed of the random numbers: the same number gives the same scenario [default: drawn at random
    /// and printed]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Users of the generated scenario [default: 1 % of the commands; at least 10, and at --rate or
    /// --ramp as many as the commands of one second, up to 100]
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub users: Option<u32>,

    /// Commands of the generated scenario [default: 10000, or as many as fit --rate or --ramp in
    /// --duration]
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub commands: Option<u32>,

    /// Write the generated scenario to this file
    #[arg(long, value_name = "FILE")]
    pub write_scenario: Option<PathBuf>,
}

/// When commands are sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// Send as fast as possible, with this many requests in flight
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub concurrency: u16,

    /// Send this many commands a second instead, whether or not earlier ones have ended
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = rate,
        conflicts_with = "concurrency"
    )]
    pub rate: Option<f64>,

    /// Change the rate linearly over --duration, to find the rate at which errors begin
    #[arg(
        long,
        value_name = "FROM..TO",
        value_parser = ramp,
        requires = "duration",
        conflicts_with_all = ["concurrency", "rate"]
    )]
    pub ramp: Option<Ramp>,

    /// Seconds after which no further command is sent
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub duration: Option<Duration>,

    /// Register users before the clock starts, and report them apart; generated commands at --rate or
    /// --ramp always do so
    #[arg(long)]
    pub register_first: bool,
}

/// How commands are sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub struct RequestArgs {
    /// Time-out of a command in milliseconds; the real simulator's is 300
    #[arg(
        long,
        value_name = "MILLISECONDS",
        default_value = "300",
        value_parser = millis
    )]
    pub timeout: Duration,

    /// Reuse connections; the real simulator opens one per request
    #[arg(long)]
    pub keep_alive: bool,
}

/// The reports.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// Read the system before and after the run, and compare it with the commands
    #[arg(long)]
    pub verify: bool,

    /// Write all figures or results to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write an HTML page with plots to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Write the end and the effect of each command to this file during the run, for `minitwit
    /// simulate verify`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "seed"])]
    pub record: Option<PathBuf>,
}

/// The check of the contract, instead of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Check")]
pub struct CheckArgs {
    /// Check the rules of the contract one by one instead of playing a scenario
    #[arg(
        long,
        conflicts_with_all = [
            "scenario", "seed", "users", "commands", "write_scenario", "concurrency", "rate", "ramp",
            "duration", "register_first", "timeout", "verify", "report", "record",
        ]
    )]
    pub check: bool,

    /// Shell command that restarts the server, to check that a restart loses nothing
    #[arg(long, value_name = "COMMAND", requires = "check")]
    pub restart_command: Option<String>,
}

/// A rate that changes linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// Commands per second at the start.
    pub from: f64,
    /// Commands per second at the end.
    pub to: f64,
}

fn ramp(text: &str) -> Result<Ramp, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Err("must be two rates, such as 10..500".to_owned());
    };
    Ok(Ramp { from: rate(from)?, to: rate(to)? })
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if 0.0 < rate && rate < 1e6 => Ok(rate),
        _ => Err("must be a number above 0 and below a million".to_owned()),
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(millis @ 1..) => Ok(Duration::from_millis(millis.into())),
        _ => Err("must be a whole number of milliseconds, at least 1".to_owned()),
    }
}
