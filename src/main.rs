//! The `minitwit` program: parses the command line, runs one command, and exits with its code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    minitwit::commands::run(minitwit::config::Cli::parse().command)
}
