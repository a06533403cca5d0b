//! What the program does when it is run: one file a command.
//!
//! A command turns the settings into what the layers below need, and puts the layers together.

mod database;
mod message;
mod migrate;
mod moderation;
mod openapi;
mod serve;
mod user;

use std::{error::Error, process::ExitCode};

use tracing_subscriber::EnvFilter;

use crate::{
    config::{Command, LogArgs, LogFormat},
    telemetry::{self, logs::Logs},
};

/// Any failure that ends the program; its text is for whoever started it.
type Failure = Box<dyn Error + Send + Sync>;

/// Runs a command to its end. Returns 0 when it succeeded, 1 when it did not.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(settings) => serve::run(&settings),
        Command::Migrate(settings) => migrate::run(&settings),
        Command::Openapi { api } => openapi::run(api),
        Command::User(settings) => user::run(&settings),
        Command::Message(settings) => message::run(&settings),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
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
