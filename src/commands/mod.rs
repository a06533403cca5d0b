//! The subcommands, one file each.
//!
//! A subcommand translates the settings for the layers below, and connects the layers.

mod backup;
mod backup_metrics;
mod connect;
mod database;
mod drill;
mod export;
mod failure;
mod format;
mod healthcheck;
mod import;
mod import_jsonl;
mod logical;
mod logs;
mod message;
mod migrate;
mod moderation;
mod new_data;
mod note;
mod open_files;
mod openapi;
mod panics;
mod postgres;
mod replacement;
mod repository;
mod restore;
mod restore_logical;
mod restored_copy;
mod schedule;
mod schema;
#[cfg(feature = "seed")]
mod seed;
mod serve;
#[cfg(feature = "simulate")]
mod simulate;
mod stop;
mod text_rules;
mod upgrade;
mod user;
mod waits;

use std::process::ExitCode;

use failure::Failure;
use logs::{start_logs, start_server_logs};
use stop::{Stop, tell};

use crate::{
    config::{Command, DatabaseArgs},
    telemetry,
};

/// Runs a subcommand. Returns 0 on success, 1 on failure, 101 after a panic, and 128 + N if signal N stopped
/// it before its end. A server that a signal stops succeeds.
pub fn run(command: Command) -> ExitCode {
    panics::end_process();
    if let Command::Healthcheck(_) | Command::Openapi { .. } = command {
        return exit_code(run_short(command), None);
    }
    // Nothing has started yet, so the program may restart itself.
    if command.database().is_some_and(DatabaseArgs::is_embedded)
        && let Err(error) = embedded_postgres::restart_without_client_variables()
    {
        return exit_code(Err(error.into()), None);
    }
    match Stop::listen() {
        Ok(stop) => exit_code(run_until(command, &stop), Some(&stop)),
        Err(error) => exit_code(Err(error), None),
    }
}

fn exit_code(result: Result<ExitCode, Failure>, stop: Option<&Stop>) -> ExitCode {
    let failure = match result {
        Ok(code) => return code,
        Err(failure) => failure,
    };
    let cause = telemetry::request::with_causes(failure.as_ref());
    match stop.and_then(Stop::requested) {
        Some(signal) => {
            tell(&format!("stopped by {}: {cause}", signal.name()));
            ExitCode::from(signal.exit_code())
        }
        None => {
            tell(&cause);
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that neither waits for long nor changes anything. Signals keep their actions.
fn run_short(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Healthcheck(settings) => healthcheck::run(&settings)?,
        Command::Openapi { api } => openapi::run(api)?,
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn run_until(command: Command, stop: &Stop) -> Result<ExitCode, Failure> {
    match command {
        Command::Healthcheck(_) | Command::Openapi { .. } => return run_short(command),
        #[cfg(feature = "simulate")]
        Command::Simulate(settings) => return simulate::run(&settings, stop),
        Command::Serve(settings) => serve::run(&settings, stop)?,
        Command::Migrate(settings) => migrate::run(&settings, stop)?,
        #[cfg(feature = "seed")]
        Command::Seed(settings) => seed::run(&settings, stop)?,
        Command::Backup(settings) => backup::run(&settings, stop)?,
        Command::Restore(settings) => restore::run(&settings, stop)?,
        Command::Drill(settings) => drill::run(&settings, stop)?,
        Command::Postgres(settings) => postgres::run(&settings, stop)?,
        Command::Import(settings) => import::run(&settings, stop)?,
        Command::Upgrade(settings) => upgrade::run(&settings, stop)?,
        Command::Export(settings) => export::run(&settings, stop)?,
        Command::User(settings) => user::run(&settings, stop)?,
        Command::Message(settings) => message::run(&settings, stop)?,
    }
    Ok(ExitCode::SUCCESS)
}
