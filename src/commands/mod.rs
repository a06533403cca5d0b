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
mod note;
mod open_files;
mod openapi;
mod postgres;
mod replacement;
mod repository;
mod restore;
mod restore_logical;
mod schedule;
#[cfg(feature = "seed")]
mod seed;
mod serve;
#[cfg(feature = "simulate")]
mod simulate;
mod text_rules;
mod upgrade;
mod user;

use std::process::ExitCode;

use failure::Failure;
use logs::start_logs;

use crate::{
    config::{Command, DatabaseArgs},
    telemetry,
};

/// Runs a subcommand. Returns 0 on success, 1 on failure, and 130 if Ctrl-C ended a simulation.
pub fn run(command: Command) -> ExitCode {
    match run_command(command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("minitwit: {}", telemetry::request::with_causes(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run_command(command: Command) -> Result<ExitCode, Failure> {
    // Nothing has started yet, so the program may restart itself.
    if command.database().is_some_and(DatabaseArgs::is_embedded) {
        embedded_postgres::restart_without_client_variables()?;
    }
    match command {
        Command::Serve(settings) => serve::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Healthcheck(settings) => healthcheck::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Migrate(settings) => migrate::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Openapi { api } => openapi::run(api).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "simulate")]
        Command::Simulate(settings) => simulate::run(&settings),
        #[cfg(feature = "seed")]
        Command::Seed(settings) => seed::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Backup(settings) => backup::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Restore(settings) => restore::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Drill(settings) => drill::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Postgres(settings) => postgres::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Import(settings) => import::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Upgrade(settings) => upgrade::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Export(settings) => export::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::User(settings) => user::run(&settings).map(|()| ExitCode::SUCCESS),
        Command::Message(settings) => message::run(&settings).map(|()| ExitCode::SUCCESS),
    }
}
