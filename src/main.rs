//! The `minitwit` program: parses the command line, runs one command, and exits with its code.

use std::process::ExitCode;

use clap::Parser;

/// A request makes and drops hundreds of small values, which the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    minitwit::commands::run(minitwit::config::Cli::parse().command)
}
