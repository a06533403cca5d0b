//! The database of a command: the one of `--database-url`, or one in the embedded PostgreSQL.

use std::str::FromStr;

use embedded_postgres::{self as embedded, Embedded};

use super::Failure;
use crate::{
    config::DatabaseArgs,
    db::{PgConnectOptions, PgConnection, migrations},
};

/// The name of the database in the embedded PostgreSQL.
const DATABASE: &str = "minitwit";
/// Connections in addition to the pool's: for migrations and operators.
const SPARE_CONNECTIONS: u16 = 10;

/// The database of `--database-url` cannot be used. The message omits the URL, which may hold a
/// password.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the database of --database-url (DATABASE_URL)")]
struct WrongUrl(#[source] Failure);

/// How to connect to a database, and its embedded PostgreSQL, if any.
pub(super) struct Source {
    pub(super) options: PgConnectOptions,
    embedded: Option<Embedded>,
}

impl Source {
    /// Starts the embedded PostgreSQL unless `--database-url` is set. Blocks, for seconds if it has to
    /// create a cluster.
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

    /// Like [`Self::open`], for operators' commands: uses the embedded PostgreSQL of a running
    /// `minitwit serve` if there is one.
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

    /// Creates the database in the embedded PostgreSQL unless it exists.
    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        if let Some(embedded) = &self.embedded {
            embedded.create_database(DATABASE).await?;
        }
        Ok(())
    }

    /// Connects for migrations.
    pub(super) async fn connect(&self) -> Result<PgConnection, Failure> {
        migrations::connect(&self.options).await.map_err(|error| self.failure(error))
    }

    /// Adds the name of the setting to an error if the database is unusable.
    pub(super) fn failure(&self, error: migrations::Error) -> Failure {
        match (&self.embedded, error) {
            (None, error @ (migrations::Error::Database(_) | migrations::Error::Encoding(_))) => {
                WrongUrl(error.into()).into()
            }
            (_, error) => error.into(),
        }
    }

    /// Stops the embedded PostgreSQL.
    pub(super) fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop();
        }
    }
}
