//! Every setting, in one typed place: a flag and an environment variable each, and a default that is
//! safe. A leaf: it imports nothing of MiniTwit. `docs/configuration.md` is its table.
//!
//! A wrong value is refused at start, with the name of the setting. Secrets do not print.

mod credentials;
mod healthcheck;
mod limits;
mod moderation;
mod production;
mod rates;
#[cfg(feature = "seed")]
mod seed;
#[cfg(feature = "simulate")]
mod simulate;
mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use credentials::SimulatorCredentialArgs;
pub use healthcheck::HealthcheckArgs;
pub use limits::LimitArgs;
pub use moderation::{MessageArgs, MessageCommand, UserArgs, UserCommand};
pub use production::ImplicitSecrets;
pub use rates::RateArgs;
#[cfg(feature = "seed")]
pub use seed::SeedArgs;
#[cfg(feature = "simulate")]
pub use simulate::{PaceArgs, SimulateArgs, SourceArgs};
pub use values::{Networks, Secret};
use values::{networks, seconds, secret_file};

/// MiniTwit, a microblog on PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "minitwit", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pages, the simulator API and their documentation
    Serve(Box<ServeArgs>),
    /// Check the health of a local server
    Healthcheck(HealthcheckArgs),
    /// Bring the database's schema up to date, or tell how it stands
    Migrate(MigrateArgs),
    /// Fill an empty database with generated users, messages and follows
    ///
    /// All users have the password "follow-the-reader": never seed a server that others can reach.
    /// User names are a first name and a number: "user 000010", "Roger 000011", "O'Brien 000012",
    /// "Zoë 000013" and so on. Low numbers are popular; "user 000500" follows exactly 500 users.
    #[cfg(feature = "seed")]
    Seed(SeedArgs),
    /// Look after users
    User(UserArgs),
    /// Look after messages
    Message(MessageArgs),
    /// Print the OpenAPI document of an API
    Openapi {
        /// Of which one
        api: ApiName,
    },
    /// Play simulator commands against any MiniTwit, and report errors and latencies
    #[cfg(feature = "simulate")]
    Simulate(Box<SimulateArgs>),
}

/// The APIs that have a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiName {
    /// The JSON API, at /api/v1.
    Api,
    /// The simulator API, at /sim.
    Simulator,
}

/// The settings of `minitwit serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the server is.
    #[command(flatten)]
    pub address: AddressArgs,

    /// Serve the simulator API also at the root of this address (0.0.0.0:5001 by custom)
    #[arg(long, env = "MINITWIT_SIMULATOR_LISTEN", value_name = "ADDRESS")]
    pub simulator_listen: Option<SocketAddr>,

    /// The credentials that it asks for.
    #[command(flatten)]
    pub credentials: SimulatorCredentialArgs,

    /// Refuse to start unless every secret is set, rather than left at its default
    #[arg(long, env = "MINITWIT_PRODUCTION")]
    pub production: bool,

    /// Refuse to start while migrations are pending, instead of applying them
    #[arg(long, env = "MINITWIT_NO_MIGRATE")]
    pub no_migrate: bool,

    /// Seconds that others may take to apply them, with --no-migrate, before it refuses
    #[arg(
        long,
        env = "MINITWIT_AWAIT_MIGRATIONS",
        value_name = "SECONDS",
        value_parser = seconds,
        requires = "no_migrate"
    )]
    pub await_migrations: Option<Duration>,

    /// Proxies whose X-Forwarded-For, -Proto and -Host are believed: addresses or networks, by commas
    #[arg(
        long,
        env = "MINITWIT_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "",
        value_parser = networks
    )]
    pub trusted_proxies: Networks,

    /// Which database, and how it is used.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// How the pool of connections to it behaves.
    #[command(flatten)]
    pub pool: PoolArgs,

    /// How passwords and sessions are kept.
    #[command(flatten)]
    pub accounts: AccountArgs,

    /// How often something may be tried.
    #[command(flatten)]
    pub rates: RateArgs,

    /// What a client may cost.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// How the log looks.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Where the server is, which it has to know, and whoever asks how it is.
#[derive(Debug, Args)]
pub struct AddressArgs {
    /// Address of the pages, the API documentation, the metrics and, at /sim, the simulator API
    #[arg(long, env = "MINITWIT_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// The settings of `minitwit migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// List the applied and the pending migrations, and change nothing
    #[arg(long)]
    pub status: bool,

    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// How the log looks.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Which database: the one of `--database-url`, or a PostgreSQL of the program's own.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// Use this PostgreSQL server (postgres://…) instead of running one
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<Secret>,

    /// Read the password of that server's user from this file, rather than from the URL
    #[arg(
        long,
        env = "MINITWIT_DATABASE_PASSWORD_FILE",
        value_name = "FILE",
        value_parser = secret_file,
        requires = "database_url"
    )]
    pub database_password_file: Option<Secret>,

    /// Where the program's own PostgreSQL keeps its data [default: ~/.local/share/minitwit, or
    /// /var/lib/minitwit for root]
    #[arg(long, env = "MINITWIT_DATA_DIR", value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,

    /// Run a throw-away PostgreSQL, whose data goes with the program
    #[arg(long, env = "MINITWIT_EPHEMERAL", conflicts_with_all = ["database_url", "data_dir"])]
    pub ephemeral: bool,

    /// Directory of the PostgreSQL server's programs [default: the newest found]
    #[arg(long, env = "MINITWIT_POSTGRES_BIN", value_name = "DIRECTORY")]
    pub postgres_bin: Option<PathBuf>,

    /// User that PostgreSQL runs as when the program runs as root [default: postgres, or nobody]
    #[arg(long, env = "MINITWIT_POSTGRES_USER", value_name = "USER")]
    pub postgres_user: Option<String>,
}

/// The pool of database connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct PoolArgs {
    /// Connections to the database, at most
    #[arg(
        long,
        env = "MINITWIT_DATABASE_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(2..)
    )]
    pub database_connections: u16,

    /// Seconds that a request waits for a connection before it is answered 503
    #[arg(
        long,
        env = "MINITWIT_DATABASE_ACQUIRE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "3",
        value_parser = seconds
    )]
    pub database_acquire_timeout: Duration,

    /// Seconds that one statement may take
    #[arg(
        long,
        env = "MINITWIT_DATABASE_STATEMENT_TIMEOUT",
        value_name = "SECONDS",
        default_value = "5",
        value_parser = seconds
    )]
    pub database_statement_timeout: Duration,
}

/// Passwords.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub struct PasswordArgs {
    /// bcrypt's cost; each step doubles the time that a password takes
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_COST",
        value_name = "COST",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(10..=16)
    )]
    pub password_cost: u32,
}

/// Passwords and sessions.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub struct AccountArgs {
    /// How passwords are hashed.
    #[command(flatten)]
    pub passwords: PasswordArgs,

    /// Passwords hashed at once [default: half of the processors]
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_WORKERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub password_workers: Option<u16>,

    /// Registrations, and sign-ins, that may wait to be hashed before further ones get 503
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_QUEUE",
        value_name = "NUMBER",
        default_value_t = 256,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub password_queue: u16,

    /// Days that somebody stays signed in after their last visit (browsers keep it 400 at most)
    #[arg(
        long,
        env = "MINITWIT_SESSION_LIFETIME",
        value_name = "DAYS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=400)
    )]
    pub session_lifetime: u32,
}

/// The log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// How a line of the log looks
    #[arg(long, env = "MINITWIT_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged, as a tracing filter (minitwit=debug,info)
    #[arg(
        long,
        env = "MINITWIT_LOG",
        value_name = "FILTER",
        default_value = "info,poem=warn,refinery_core=warn"
    )]
    pub log: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

#[cfg(test)]
mod tests;
