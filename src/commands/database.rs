//! The database that a command works on: a given one, or one of the program's own.

use std::str::FromStr;

use embedded_postgres::{self as embedded, Embedded};

use super::Failure;
use crate::{
    config::DatabaseArgs,
    db::{PgConnectOptions, PgConnection, migrations},
};

/// The name of the database in the program's own PostgreSQL.
const DATABASE: &str = "minitwit";
/// Connections beside the pool's: for migrations, and for an operator's psql.
const SPARE_CONNECTIONS: u16 = 10;

/// The database of `--database-url` cannot be used. The URL itself holds a password: only what is
/// wrong with it is said.
#[derive(Debug, thiserror::Error)]
#[error("--database-url (DATABASE_URL)")]
struct WrongUrl(#[source] Failure);

/// A database, and the server that must be kept running for it, if that is the program's own.
pub(super) struct Source {
    pub(super) options: PgConnectOptions,
    embedded: Option<Embedded>,
}

impl Source {
    /// Finds the database, and starts the program's own PostgreSQL if that is the one. Blocks for
    /// seconds the first time, when a cluster is made.
    pub(super) fn open(settings: &DatabaseArgs, pool_size: u16) -> Result<Self, Failure> {
        if let Some(url) = &settings.database_url {
            let mut options =
                PgConnectOptions::from_str(url.expose()).map_err(|error| WrongUrl(error.into()))?;
            if let Some(password) = &settings.database_password_file {
                options = options.password(password.expose());
            }
            return Ok(Self { options, embedded: None });
        }
        let data = match &settings.data_dir {
            _ if settings.ephemeral => embedded::Data::Ephemeral,
            Some(directory) => embedded::Data::Directory(directory.clone()),
            None => embedded::Data::Directory(embedded::default_data_dir()?),
        };
        let embedded = Embedded::start(&embedded::Settings {
            data,
            postgres_bin: settings.postgres_bin.clone(),
            postgres_user: settings.postgres_user.clone(),
            max_connections: pool_size.saturating_add(SPARE_CONNECTIONS),
        })?;
        Ok(Self { options: embedded.connect_options(DATABASE), embedded: Some(embedded) })
    }

    /// The database as an operator's command uses it, beside a server that may be running: of the
    /// program's own PostgreSQL the one that runs, if it does.
    pub(super) fn join(settings: &DatabaseArgs) -> Result<Self, Failure> {
        if settings.database_url.is_none() && !settings.ephemeral {
            let directory = match &settings.data_dir {
                Some(directory) => directory.clone(),
                None => embedded::default_data_dir()?,
            };
            if let Some(options) = embedded::running(&directory, DATABASE) {
                return Ok(Self { options, embedded: None });
            }
        }
        Self::open(settings, 2)
    }

    /// Makes the database in the program's own PostgreSQL, if it is not there yet.
    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        if let Some(embedded) = &self.embedded {
            embedded.create_database(DATABASE).await?;
        }
        Ok(())
    }

    /// A connection for migrations.
    pub(super) async fn connect(&self) -> Result<PgConnection, Failure> {
        migrations::connect(&self.options).await.map_err(|error| self.failure(error))
    }

    /// What is told of a failure: where the database cannot be used at all, which setting names it.
    pub(super) fn failure(&self, error: migrations::Error) -> Failure {
        match (&self.embedded, error) {
            (None, error @ (migrations::Error::Database(_) | migrations::Error::Encoding(_))) => {
                WrongUrl(error.into()).into()
            }
            (_, error) => error.into(),
        }
    }

    /// Stops the program's own PostgreSQL.
    pub(super) fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop();
        }
    }
}
