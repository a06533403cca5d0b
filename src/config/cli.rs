//! The command line: subcommands and their settings.

use std::ffi::OsString;

use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    error::{Error, ErrorKind},
};

use super::{
    BackupArgs, DatabaseArgs, DrillArgs, ExportArgs, HealthcheckArgs, ImportArgs, LogArgs,
    MessageArgs, PostgresArgs, RestoreArgs, ServeArgs, UpgradeArgs, UserArgs,
};

/// MiniTwit, a microblog on PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "minitwit", version, about, max_term_width = 100)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses a command line, and compares the options with each other.
    ///
    /// Returns an error if an option is invalid or contradicts another one.
    pub fn try_read<I, T>(arguments: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString>,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let parsed = Self::try_parse_from(&arguments);
        let cli = parsed.map_err(|error| without_secrets(error, &arguments))?;
        match cli.command.database().map(DatabaseArgs::check) {
            Some(Err(conflict)) => {
                Err(Self::command().error(ErrorKind::ArgumentConflict, conflict))
            }
            _ => Ok(cli),
        }
    }
}

/// Removes misplaced URLs with passwords from an error, which quotes arguments that it does not expect.
fn without_secrets(error: Error, arguments: &[OsString]) -> Error {
    let mut text = error.to_string();
    let mut has_secret = false;
    for argument in arguments.iter().filter_map(|it| it.to_str()) {
        let value = match argument.strip_prefix('-').and_then(|it| it.split_once('=')) {
            Some((_, value)) => value,
            None => argument,
        };
        let has_user = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
        if (has_user || value.contains("password=")) && text.contains(value) {
            text = text.replace(value, "…");
            has_secret = true;
        }
    }
    let message = text.strip_prefix("error: ").unwrap_or(&text);
    if has_secret { Error::raw(error.kind(), message) } else { error }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pages, the APIs and their documentation
    Serve(Box<ServeArgs>),
    /// Check the health of a local server
    Healthcheck(HealthcheckArgs),
    /// Apply pending migrations, or list them
    Migrate(MigrateArgs),
    /// Fill a new database with generated users, messages and follows
    ///
    /// All users have the password "follow-the-reader"; never seed a publicly reachable server. A name is a
    /// first name and a number: "user 000010", "Roger 000011", "O'Brien 000012", "Zoë 000013". Users with lower
    /// numbers are more popular; "user 000500" follows exactly 500 others.
    #[cfg(feature = "seed")]
    Seed(super::SeedArgs),
    /// Back up the database, or list or check its backups
    Backup(BackupArgs),
    /// Restore the database from its backups, or from a file of `backup --logical`
    Restore(RestoreArgs),
    /// Restore the newest backup into a scratch directory, check it, and report how long it took
    Drill(DrillArgs),
    /// Run PostgreSQL for servers on other machines or in other containers, with scheduled backups
    ///
    /// The database image runs this command. Servers connect to it with --database-url.
    Postgres(Box<PostgresArgs>),
    /// Import the users, messages and follows of an older system
    ///
    /// An interrupted import continues where it stopped; a repeated one adds only new records.
    Import(Box<ImportArgs>),
    /// List, disable or enable users, or reset their passwords
    User(UserArgs),
    /// Show, hide or restore messages
    Message(MessageArgs),
    /// Upgrade the embedded PostgreSQL's data to the newest installed major version
    ///
    /// Copies the data with pg_upgrade, and keeps the old data under another name. Stop the server first. An
    /// interrupted upgrade is repeated. Both versions must be installed.
    Upgrade(UpgradeArgs),
    /// Write all users, messages and follows to JSON lines, as they are at one moment
    ///
    /// Creates the directory with a file for each table and a manifest with counts and checksums. A server may run.
    /// Sessions, API tokens and passwords are not exported, unless --password-hashes is given.
    Export(ExportArgs),
    /// Print the OpenAPI document of an API
    Openapi {
        /// The API
        #[arg(value_name = "api|simulator")]
        api: ApiName,
    },
    /// Play the simulator against any MiniTwit and report wrong and late responses; or check the
    /// contract of the simulator API, rule by rule
    #[cfg(feature = "simulate")]
    Simulate(Box<super::SimulateArgs>),
}

impl Command {
    /// The database settings of a subcommand that uses a database.
    pub fn database(&self) -> Option<&DatabaseArgs> {
        match self {
            Self::Serve(settings) => Some(&settings.database),
            Self::Migrate(settings) => Some(&settings.database),
            #[cfg(feature = "seed")]
            Self::Seed(settings) => Some(&settings.database),
            Self::Backup(settings) => Some(&settings.database),
            Self::Restore(settings) => Some(&settings.database),
            Self::Drill(settings) => Some(&settings.database),
            Self::Postgres(settings) => Some(&settings.database),
            Self::Import(settings) => Some(&settings.database),
            Self::User(settings) => Some(&settings.database),
            Self::Message(settings) => Some(&settings.database),
            Self::Upgrade(settings) => Some(&settings.database),
            Self::Export(settings) => Some(&settings.database),
            #[cfg(feature = "simulate")]
            Self::Simulate(_) => None,
            Self::Healthcheck(_) | Self::Openapi { .. } => None,
        }
    }
}

/// An API with an OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiName {
    /// The JSON API, at /api/v1.
    Api,
    /// The simulator API, at /sim.
    Simulator,
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
