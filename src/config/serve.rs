//! Settings of `minitwit serve`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use super::{
    AccountArgs, DatabaseArgs, LimitArgs, LogArgs, PoolArgs, RateArgs, ReadArgs, RepositoryArgs,
    SimulatorCredentialArgs,
    values::{Contact, Networks, contact, networks, seconds},
};

/// The settings of `minitwit serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Listening address.
    #[command(flatten)]
    pub address: AddressArgs,

    /// Also serve the simulator API at the root of this address (0.0.0.0:5001 by custom)
    #[arg(long, env = "MINITWIT_SIMULATOR_LISTEN", value_name = "ADDRESS")]
    pub simulator_listen: Option<SocketAddr>,

    /// Credentials of the simulator API.
    #[command(flatten)]
    pub credentials: SimulatorCredentialArgs,

    /// Do not start unless every secret is set explicitly
    #[arg(long, env = "MINITWIT_PRODUCTION")]
    pub production: bool,

    /// Do not apply migrations, and do not start while any are pending
    #[arg(long, env = "MINITWIT_NO_MIGRATE")]
    pub no_migrate: bool,

    /// With --no-migrate, seconds to wait for another process to apply migrations
    #[arg(
        long,
        env = "MINITWIT_AWAIT_MIGRATIONS",
        value_name = "SECONDS",
        value_parser = seconds,
        requires = "no_migrate"
    )]
    pub await_migrations: Option<Duration>,

    /// Proxies whose X-Forwarded-For, -Proto and -Host or Forwarded headers are trusted: addresses or
    /// networks, separated by commas
    #[arg(
        long,
        env = "MINITWIT_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "",
        value_parser = networks
    )]
    pub trusted_proxies: Networks,

    /// Where to report vulnerabilities, for /.well-known/security.txt: an e-mail address, or a mailto:,
    /// https: or tel: URI
    #[arg(
        long,
        env = "MINITWIT_SECURITY_CONTACT",
        value_name = "CONTACT",
        default_value = "",
        value_parser = contact
    )]
    pub security_contact: Contact,

    /// File for rejected simulator commands, with all that a repair needs [default:
    /// rejected-commands.jsonl in the data directory of the embedded PostgreSQL]
    #[arg(long, env = "MINITWIT_REJECTED_COMMANDS", value_name = "FILE")]
    pub rejected_commands: Option<PathBuf>,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Backup repository.
    #[command(flatten)]
    pub repository: RepositoryArgs,

    /// Connection pool.
    #[command(flatten)]
    pub pool: PoolArgs,

    /// Costly reads.
    #[command(flatten)]
    pub reads: ReadArgs,

    /// Passwords and sessions.
    #[command(flatten)]
    pub accounts: AccountArgs,

    /// Rate limits.
    #[command(flatten)]
    pub rates: RateArgs,

    /// Limits of requests and connections.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The listening addresses that the server and the health check share.
#[derive(Debug, Args)]
pub struct AddressArgs {
    /// Address of the pages, the APIs, their documentation and the metrics
    #[arg(long, env = "MINITWIT_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Also serve health checks and metrics, and nothing else, at this address: connections to the
    /// other addresses cannot take the place of these
    #[arg(long, env = "MINITWIT_OPERATIONS_LISTEN", value_name = "ADDRESS")]
    pub operations_listen: Option<SocketAddr>,
}
