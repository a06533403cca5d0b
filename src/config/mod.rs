//! Every setting, typed: a flag, an environment variable and a safe default. Imports nothing of MiniTwit. `docs/reference/configuration.md` is its table.
//!
//! An invalid value stops the program at start, with the setting's name. Secrets have no printable form.

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
pub use simulate::{PaceArgs, ReportArgs, RequestArgs, SimulateArgs, SourceArgs};
pub use values::{Networks, Ramp, Secret};
use values::{networks, seconds, secret_file};

/// MiniTwit, a microblog on PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "minitwit", version, about, max_term_width = 100)]
pub struct Cli {
    /// The subcommand.
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
    /// Apply pending migrations, or list them
    Migrate(MigrateArgs),
    /// Fill a new database with generated users, messages and follows
    ///
    /// All users have the password "follow-the-reader"; never seed a server that others can reach. A name is a
    /// first name and a number: "user 000010", "Roger 000011", "O'Brien 000012", "Zoë 000013". Users with lower
    /// numbers are more popular; "user 000500" follows exactly 500 others.
    #[cfg(feature = "seed")]
    Seed(SeedArgs),
    /// List, disable or enable users, or reset their passwords
    User(UserArgs),
    /// Show, hide or restore messages
    Message(MessageArgs),
    /// Print the OpenAPI document of an API
    Openapi {
        /// The API
        api: ApiName,
    },
    /// Play the simulator against any MiniTwit and report wrong and late responses
    #[cfg(feature = "simulate")]
    Simulate(Box<SimulateArgs>),
}

/// An API with an OpenAPI document.
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
    /// Listening address.
    #[command(flatten)]
    pub address: AddressArgs,

    /// Also serve the simulator API at the root of this address (0.0.0.0:5001 by custom)
    #[arg(long, env = "MINITWIT_SIMULATOR_LISTEN", value_name = "ADDRESS")]
    pub simulator_listen: Option<SocketAddr>,

    /// Credentials of the simulator API.
    #[command(flatten)]
    pub credentials: SimulatorCredentialArgs,

    /// Refuse to start unless every secret is set explicitly
    #[arg(long, env = "MINITWIT_PRODUCTION")]
    pub production: bool,

    /// Do not apply migrations; refuse to start while any are pending
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

    /// Proxies whose X-Forwarded-For, -Proto and -Host headers are trusted: addresses or networks,
    /// separated by commas
    #[arg(
        long,
        env = "MINITWIT_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "",
        value_parser = networks
    )]
    pub trusted_proxies: Networks,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Connection pool.
    #[command(flatten)]
    pub pool: PoolArgs,

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

/// The listening address, which the server and the health check share.
#[derive(Debug, Args)]
pub struct AddressArgs {
    /// Address of the pages, the APIs, their documentation and the metrics
    #[arg(long, env = "MINITWIT_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// The settings of `minitwit migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// List applied and pending migrations, and change nothing
    #[arg(long)]
    pub status: bool,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The database: a given server, or the embedded PostgreSQL.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// Use this PostgreSQL server (postgres://…) instead of the embedded one
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<Secret>,

    /// Read the database password from this file instead of from the URL
    #[arg(
        long,
        env = "MINITWIT_DATABASE_PASSWORD_FILE",
        value_name = "FILE",
        value_parser = secret_file,
        requires = "database_url"
    )]
    pub database_password_file: Option<Secret>,

    /// Data directory of the embedded PostgreSQL [default: ~/.local/share/minitwit, or
    /// /var/lib/minitwit for root]
    #[arg(long, env = "MINITWIT_DATA_DIR", value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,

    /// Run a temporary embedded PostgreSQL; its data is deleted at exit
    #[arg(long, env = "MINITWIT_EPHEMERAL", conflicts_with_all = ["database_url", "data_dir"])]
    pub ephemeral: bool,

    /// Directory of the PostgreSQL server programs [default: the newest found]
    #[arg(long, env = "MINITWIT_POSTGRES_BIN", value_name = "DIRECTORY")]
    pub postgres_bin: Option<PathBuf>,

    /// Operating system user of the embedded PostgreSQL when MiniTwit runs as root [default:
    /// postgres, or nobody]
    #[arg(long, env = "MINITWIT_POSTGRES_USER", value_name = "USER")]
    pub postgres_user: Option<String>,
}

/// The pool of database connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct PoolArgs {
    /// Maximum number of database connections
    #[arg(
        long,
        env = "MINITWIT_DATABASE_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(2..)
    )]
    pub database_connections: u16,

    /// Seconds that a request waits for a database connection before it gets 503
    #[arg(
        long,
        env = "MINITWIT_DATABASE_ACQUIRE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "3",
        value_parser = seconds
    )]
    pub database_acquire_timeout: Duration,

    /// Time-out of one statement, in seconds
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
    /// bcrypt cost; each step doubles the time to hash a password
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
    /// Password hashing.
    #[command(flatten)]
    pub passwords: PasswordArgs,

    /// Number of passwords hashed in parallel [default: half of the processors]
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_WORKERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub password_workers: Option<u16>,

    /// Length of each queue for hashing (registrations, sign-ins); further requests get 503
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_QUEUE",
        value_name = "NUMBER",
        default_value_t = 256,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub password_queue: u16,

    /// Days after the last visit until a session expires (browsers limit it to 400)
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
    /// Format of the log
    #[arg(long, env = "MINITWIT_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Log filter in the syntax of tracing (minitwit=debug,info)
    #[arg(
        long,
        env = "MINITWIT_LOG",
        value_name = "FILTER",
        default_value = "info,poem=warn,refinery_core=warn"
    )]
    pub log: String,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

#[cfg(test)]
mod tests;
