//! The settings of what a client may cost, and of how a server stops.

use std::time::Duration;

use clap::Args;

use super::values::{seconds, seconds_from_five};

/// What a client may cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Bytes of a request's body, at most
    #[arg(
        long,
        env = "MINITWIT_BODY_LIMIT",
        value_name = "BYTES",
        default_value_t = 65_536,
        value_parser = clap::value_parser!(u32).range(1024..)
    )]
    pub body_limit: u32,

    /// Seconds in which a request's body must have arrived
    #[arg(
        long,
        env = "MINITWIT_BODY_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds
    )]
    pub body_timeout: Duration,

    /// Seconds in which a request's head must have arrived
    #[arg(
        long,
        env = "MINITWIT_HEADER_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds
    )]
    pub header_timeout: Duration,

    /// Seconds after which a connection without a request is closed
    #[arg(
        long,
        env = "MINITWIT_IDLE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "75",
        value_parser = seconds
    )]
    pub idle_timeout: Duration,

    /// Seconds in which a client must have taken what was sent to it
    #[arg(
        long,
        env = "MINITWIT_WRITE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = seconds
    )]
    pub write_timeout: Duration,

    /// Connections of clients at each address, at most; further ones wait
    #[arg(
        long,
        env = "MINITWIT_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_connections: u32,

    /// Clients that listen for new messages, at most; further ones get 503
    #[arg(
        long,
        env = "MINITWIT_STREAM_CLIENTS",
        value_name = "NUMBER",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(0..)
    )]
    pub stream_clients: u32,

    /// Seconds that a server goes on serving after SIGTERM, while /readyz says that it is not ready
    #[arg(long, env = "MINITWIT_DRAIN", value_name = "SECONDS", value_parser = seconds)]
    pub drain: Option<Duration>,

    /// Seconds that a stopping server gives the requests in flight
    #[arg(
        long,
        env = "MINITWIT_SHUTDOWN_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds
    )]
    pub shutdown_timeout: Duration,

    /// Seconds without a sign of life after which the server takes itself for hung, and ends; 5 at least
    #[arg(long, env = "MINITWIT_WATCHDOG", value_name = "SECONDS", value_parser = seconds_from_five)]
    pub watchdog: Option<Duration>,
}
