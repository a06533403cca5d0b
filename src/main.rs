//! The `minitwit` program: parses the command line, runs one command, and exits with its code.

use std::process::ExitCode;

use minitwit::config::Cli;

/// A request makes and drops hundreds of small values, which the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::try_read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    minitwit::commands::run(cli.command)
}
