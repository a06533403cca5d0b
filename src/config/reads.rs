//! Bounds of costly reads: searches, timelines, lists of users.

use std::time::Duration;

use clap::Args;

use super::values::seconds;

/// Bounds of costly reads.
#[derive(Debug, Args)]
#[command(next_help_heading = "Costly reads")]
pub struct ReadArgs {
    /// Database connections for searches [default: an eighth of all]
    #[arg(
        long,
        env = "MINITWIT_SEARCH_CONNECTIONS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub search_connections: Option<u16>,

    /// Number of searches that may wait for a connection; further ones get 503
    #[arg(
        long,
        env = "MINITWIT_SEARCH_QUEUE",
        value_name = "NUMBER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(0..)
    )]
    pub search_queue: u16,

    /// Time-out of a search, in seconds
    #[arg(
        long,
        env = "MINITWIT_SEARCH_TIMEOUT",
        value_name = "SECONDS",
        default_value = "2",
        value_parser = seconds
    )]
    pub search_timeout: Duration,

    /// Database connections for timelines and feeds [default: an eighth of all]
    #[arg(
        long,
        env = "MINITWIT_TIMELINE_CONNECTIONS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub timeline_connections: Option<u16>,

    /// Number of timelines that may wait for a connection; further ones get 503
    #[arg(
        long,
        env = "MINITWIT_TIMELINE_QUEUE",
        value_name = "NUMBER",
        default_value_t = 128,
        value_parser = clap::value_parser!(u16).range(0..)
    )]
    pub timeline_queue: u16,

    /// Time-out of a timeline, in seconds
    #[arg(
        long,
        env = "MINITWIT_TIMELINE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "2",
        value_parser = seconds
    )]
    pub timeline_timeout: Duration,

    /// Database connections for lists of users and tokens [default: an eighth of all]
    #[arg(
        long,
        env = "MINITWIT_LIST_CONNECTIONS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub list_connections: Option<u16>,

    /// Number of lists that may wait for a connection; further ones get 503
    #[arg(
        long,
        env = "MINITWIT_LIST_QUEUE",
        value_name = "NUMBER",
        default_value_t = 128,
        value_parser = clap::value_parser!(u16).range(0..)
    )]
    pub list_queue: u16,

    /// Time-out of a list, in seconds
    #[arg(
        long,
        env = "MINITWIT_LIST_TIMEOUT",
        value_name = "SECONDS",
        default_value = "2",
        value_parser = seconds
    )]
    pub list_timeout: Duration,
}
