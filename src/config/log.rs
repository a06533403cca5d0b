//! The log.

use clap::{Args, ValueEnum};

/// The log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// Format of the log
    #[arg(
        long,
        env = "MINITWIT_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,

    /// Log filter in the syntax of tracing (minitwit=debug,info)
    #[arg(
        long,
        env = "MINITWIT_LOG",
        value_name = "FILTER",
        default_value = "info,poem=warn,refinery_core=warn",
        global = true
    )]
    pub log: String,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line, for machines.
    Json,
}
