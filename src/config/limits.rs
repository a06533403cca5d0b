//! Limits of requests and connections, and time-outs of a shutdown.

use std::time::Duration;

use clap::Args;

use super::values::{seconds, seconds_from_five};

/// Limits of requests and connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Maximum size of a request body, in bytes
    #[arg(
        long,
        env = "MINITWIT_BODY_LIMIT",
        value_name = "BYTES",
        default_value_t = 65_536,
        value_parser = clap::value_parser!(u32).range(1024..)
    )]
    pub body_limit: u32,

    /// Seconds within which a request body must arrive
    #[arg(
        long,
        env = "MINITWIT_BODY_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds
    )]
    pub body_timeout: Duration,

    /// Seconds within which a request head must arrive
    #[arg(
        long,
        env = "MINITWIT_HEADER_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds
    )]
    pub header_timeout: Duration,

    /// Seconds after which an idle connection is closed
    #[arg(
        long,
        env = "MINITWIT_IDLE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "75",
        value_parser = seconds
    )]
    pub idle_timeout: Duration,

    /// Seconds within which a client must read a response
    #[arg(
        long,
        env = "MINITWIT_WRITE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = seconds
    )]
    pub write_timeout: Duration,

    /// Maximum number of open connections at each listening address. Beyond it, idle connections are
    /// closed; if none is idle, further ones wait. Lower if the limit of open files is too low
    #[arg(
        long,
        env = "MINITWIT_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_connections: u32,

    /// Maximum number of open connections of one address (IPv6: of one /64 network) at each listening
    /// address, except trusted proxies. Beyond it, idle ones are closed; if none is idle, new ones
    #[arg(
        long,
        env = "MINITWIT_CONNECTIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub connections_per_address: u32,

    /// Maximum number of open streams; further ones get 503
    #[arg(
        long,
        env = "MINITWIT_STREAM_CLIENTS",
        value_name = "NUMBER",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(0..)
    )]
    pub stream_clients: u32,

    /// Seconds to keep serving after SIGTERM while /readyz reports not ready
    #[arg(long, env = "MINITWIT_DRAIN", value_name = "SECONDS", value_parser = seconds)]
    pub drain: Option<Duration>,

    /// Seconds that a stopping server waits for requests in flight
    #[arg(
        long,
        env = "MINITWIT_SHUTDOWN_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds
    )]
    pub shutdown_timeout: Duration,

    /// Seconds without progress after which a hung server ends itself; at least 5
    #[arg(long, env = "MINITWIT_WATCHDOG", value_name = "SECONDS", value_parser = seconds_from_five)]
    pub watchdog: Option<Duration>,
}
