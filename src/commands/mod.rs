//! What the program does when it is run: one file a command.
//!
//! A command turns the settings into what the layers below need, and puts the layers together.

mod database;
mod healthcheck;
mod message;
mod migrate;
mod moderation;
mod open_files;
mod openapi;
#[cfg(feature = "seed")]
mod seed;
mod serve;
#[cfg(feature = "simulate")]
mod simulate;
mod user;

use std::{error::Error, process::ExitCode};

use tracing_subscriber::EnvFilter;

use crate::{
    config::{Command, LogArgs, LogFormat},
    telemetry::{self, logs::Logs},
};

/// Any failure that ends the program; its text is for whoever started it.
type Failure = Box<dyn Error + Send + Sync>;

/// Runs a command to its end. Returns 0 when it succeeded, 1 when it did not, and 130 when Ctrl-C
/// ended a simulation.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(settings) => serve::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Healthcheck(settings) => healthcheck::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Migrate(settings) => migrate::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Openapi { api } => openapi::run(api).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "simulate")]
        Command::Simulate(settings) => simulate::run(&settings),
        #[cfg(feature = "seed")]
        Command::Seed(settings) => seed::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::User(settings) => user::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Message(settings) => message::run(&settings).map(|()| ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("minitwit: {}", telemetry::request::with_causes(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn start_logs(settings: &LogArgs) -> Result<Logs, Failure> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("--log: {error}"))?;
    Ok(telemetry::logs::start(settings.log_format == LogFormat::Json, filter)?)
}
