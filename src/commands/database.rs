//! The database of a command: that of `--database-url`, or one in the embedded PostgreSQL.

use std::{
    cell::Cell,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use embedded_postgres::{self as embedded, Embedded};

use super::{
    Failure, connect, new_data,
    repository::Archive,
    stop::Stop,
    waits::{Limit, Waits},
};
use crate::{
    config::DatabaseArgs,
    db::{
        PgConnectOptions, PgConnection,
        migrations::{self, Backend, Patience},
    },
};

pub(super) const DATABASE: &str = "minitwit";
/// The pause between two attempts to connect to a server that has no connection left.
const RETRY: Duration = Duration::from_millis(250);
/// Connections in addition to the pool's: for migrations and operators.
const SPARE_CONNECTIONS: u16 = 10;

/// The database of `--database-url` cannot be used. The message omits the URL, which may hold a
/// password.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the database of --database-url (DATABASE_URL)")]
struct WrongUrl(#[source] Failure);

/// The schema is of a program before the first release, and cannot be upgraded.
#[derive(Debug, thiserror::Error)]
#[error(
    "{location}: {schema}. This program cannot upgrade it and has changed nothing in it; \
     to start with an empty database, {remedy}"
)]
struct UnknownHistory {
    location: String,
    schema: migrations::Error,
    remedy: &'static str,
}

/// How to run the embedded PostgreSQL.
pub(super) struct ServerOptions {
    /// The number of connections that it accepts.
    pub(super) max_connections: u16,
    /// Further options, as `name=value`.
    pub(super) options: Vec<String>,
    /// How long it may take to start.
    pub(super) ready_timeout: Duration,
}

/// How to connect to a database, and its embedded PostgreSQL, if any.
pub(super) struct Source {
    pub(super) options: PgConnectOptions,
    data_dir: Option<PathBuf>,
    embedded: Option<Embedded>,
    waits: Waits,
}

impl Source {
    /// Starts the embedded PostgreSQL unless `--database-url` is set. Blocks, for seconds if it has to
    /// create a cluster.
    pub(super) fn open(
        settings: &DatabaseArgs,
        pool_size: u16,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let waits = Waits::new(settings, stop);
        if let Some(url) = &settings.database_url {
            let mut options = connect::options(url).map_err(WrongUrl)?;
            if let Some(password) = &settings.database_password_file {
                options = options.password(password.expose());
            }
            return Ok(Self { options, data_dir: None, embedded: None, waits });
        }
        Self::start(
            settings,
            stop,
            ServerOptions {
                max_connections: pool_size.saturating_add(SPARE_CONNECTIONS),
                options: Vec::new(),
                ready_timeout: embedded::Settings::DEFAULT_READY_TIMEOUT,
            },
        )
    }

    /// Starts the embedded PostgreSQL. Blocks, for seconds if it has to create a cluster.
    pub(super) fn start(
        settings: &DatabaseArgs,
        stop: &Stop,
        server: ServerOptions,
    ) -> Result<Self, Failure> {
        let waits = Waits::new(settings, stop);
        let data_dir = if settings.ephemeral { None } else { Some(data_dir(settings)?) };
        let _made = data_dir.as_deref().map(new_data::check_new).transpose()?;
        let data = match &data_dir {
            Some(directory) => embedded::Data::Directory(directory.clone()),
            None => embedded::Data::Ephemeral,
        };
        let archive = match &data_dir {
            Some(directory) => {
                Archive::before_start(directory, settings.postgres_user.as_deref(), &waits)?
            }
            None => None,
        };
        let embedded = start(
            &waits,
            embedded::Settings {
                postgres_bin: settings.postgres_bin.clone(),
                postgres_user: settings.postgres_user.clone(),
                max_connections: server.max_connections,
                options: server.options,
                ready_timeout: server.ready_timeout,
                archiving: archive.as_ref().map(Archive::settings),
                restore_command: archive.as_ref().map(Archive::restore_command),
                ..embedded::Settings::new(data)
            },
        )?;
        if let Some(archive) = archive {
            archive.after_start(embedded.socket_directory(), &waits)?;
        }
        let options = embedded.connect_options(DATABASE);
        Ok(Self { options, data_dir, embedded: Some(embedded), waits })
    }

    /// Like [`Self::join`], for commands that need data. Creates nothing if there is none.
    pub(super) fn existing(settings: &DatabaseArgs, stop: &Stop) -> Result<Self, Failure> {
        check_existing(settings)?;
        Self::join(settings, stop)
    }

    /// Like [`Self::open`], for operators' commands: uses the embedded PostgreSQL of a running
    /// `minitwit serve` if there is one.
    pub(super) fn join(settings: &DatabaseArgs, stop: &Stop) -> Result<Self, Failure> {
        if settings.database_url.is_none() && !settings.ephemeral {
            let data_dir = data_dir(settings)?;
            if let Some(options) = embedded::running(&data_dir, DATABASE) {
                let waits = Waits::new(settings, stop);
                return Ok(Self { options, data_dir: Some(data_dir), embedded: None, waits });
            }
        }
        Self::open(settings, 2, stop)
    }

    /// The same running database, for another thread. Closing it does not stop the server.
    pub(super) fn client(&self) -> Self {
        let (options, data_dir) = (self.options.clone(), self.data_dir.clone());
        Self { options, data_dir, embedded: None, waits: self.waits.clone() }
    }

    /// The directory of the embedded server's socket; `None` for a given database.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.data_dir.as_ref()?;
        self.options.get_socket().map(PathBuf::as_path)
    }

    /// Whether this process runs the database.
    pub(super) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// The data directory; `None` for a given or a temporary database.
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        if let Some(embedded) = &self.embedded {
            let created = embedded.create_database(DATABASE);
            let limit = Some(self.waits.connect_limit());
            self.waits
                .wait("the embedded PostgreSQL to create the database", limit, created)
                .await?;
        }
        Ok(())
    }

    /// Opens a connection without time-outs of statements.
    pub(super) async fn connect(&self) -> Result<PgConnection, Failure> {
        connect(&self.waits, &self.options, &self.to_string(), |error| self.failure(error)).await
    }

    /// How the command waits.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Returns an error unless the schema is the one of this program.
    pub(super) async fn check(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        let check =
            async { migrations::check(connection).await.map_err(|error| self.failure(error)) };
        let limit = Some(self.waits.start_limit());
        self.waits.wait("the check of the schema", limit, check).await
    }

    /// Applies pending migrations, and returns a connection and their names. A stop signal also ends the
    /// statement that runs.
    pub(super) async fn migrate(&self) -> Result<(PgConnection, Vec<String>), Failure> {
        let mut connection = self.connect().await?;
        let backend = async { Backend::of(&mut connection).await };
        let limit = Some(self.waits.connect_limit());
        let backend = self.waits.wait("the first response of the server", limit, backend).await?;
        let Limit { time, setting } = self.waits.start_limit();
        let applied = {
            let patience = Patience { limit: time, setting };
            let applied =
                migrations::apply_watched(&mut connection, backend, &self.options, patience);
            let applied = async { applied.await.map_err(|error| self.failure(error)) };
            self.waits.stop().interrupt(applied).await
        };
        match applied {
            Ok(applied) => Ok((connection, applied)),
            Err(failure) => {
                // The server would complete a statement, such as the build of an index, without its client.
                if self.waits.stop().requested().is_some() {
                    backend.terminate(&self.options).await;
                }
                Err(failure)
            }
        }
    }

    /// Adds the location of the database, and the setting that names it, to an error of its schema.
    pub(super) fn failure(&self, error: migrations::Error) -> Failure {
        match (&self.embedded, error) {
            (None, error) if error.is_of_database() => WrongUrl(error.into()).into(),
            (_, schema) if schema.is_foreign() => {
                let remedy = match self.data_dir {
                    Some(_) => "name another directory with --data-dir",
                    None => "name another database in --database-url (DATABASE_URL)",
                };
                UnknownHistory { location: self.to_string(), schema, remedy }.into()
            }
            (_, error) => error.into(),
        }
    }

    pub(super) fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop();
        }
    }
}

/// Opens a connection to `place` without time-outs of statements.
pub(super) async fn connect(
    waits: &Waits,
    options: &PgConnectOptions,
    place: &str,
    failure: impl Fn(migrations::Error) -> Failure,
) -> Result<PgConnection, Failure> {
    let shortage = Cell::new(None);
    let connect = async {
        loop {
            let connected = migrations::connect(options).await;
            let remedy = connected.as_ref().err().and_then(migrations::Error::too_few_connections);
            let Some(remedy) = remedy else { return connected.map_err(&failure) };
            if shortage.replace(Some(remedy)).is_none() {
                tracing::warn!("PostgreSQL has no connection left for this start. {remedy}");
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    let what = format!("a connection to the {place}");
    let connected = waits.wait(&what, Some(waits.connect_limit()), connect).await;
    connected.map_err(|failure| match shortage.get() {
        Some(remedy) if waits.stop().requested().is_none() => {
            NoPlace { remedy, source: failure }.into()
        }
        _ => failure,
    })
}

/// PostgreSQL had no connection for this command until the limit of the wait.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL has no connection left. {remedy}")]
struct NoPlace {
    remedy: &'static str,
    source: Failure,
}

/// Starts a server, as long as the settings and the operator allow.
pub(super) fn start(waits: &Waits, settings: embedded::Settings) -> Result<Embedded, Failure> {
    let start_timeout = waits.given_start_limit();
    waits.block("the start of the embedded PostgreSQL", None, |cancel| {
        Embedded::start(&embedded::Settings { start_timeout, cancel: cancel.clone(), ..settings })
    })
}

/// Where the database is, without user and password.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(directory) = &self.data_dir {
            return write!(f, "data directory {}", directory.display());
        }
        let database = self.options.get_database().unwrap_or(self.options.get_username());
        match self.options.get_socket() {
            Some(socket) => write!(f, "database {database} at {}", socket.display()),
            None => {
                let (host, port) = (self.options.get_host(), self.options.get_port());
                if host.contains(':') {
                    write!(f, "database {database} at [{host}]:{port}")
                } else {
                    write!(f, "database {database} at {host}:{port}")
                }
            }
        }
    }
}

/// Returns an error if the embedded PostgreSQL has no data yet.
pub(super) fn check_existing(settings: &DatabaseArgs) -> Result<(), Failure> {
    if !settings.is_embedded() {
        return Ok(());
    }
    if settings.ephemeral {
        return Err("--ephemeral: a new database has no data for this command".into());
    }
    new_data::check_exists(&data_dir(settings)?)
}

/// The data directory of the embedded PostgreSQL.
pub(super) fn data_dir(settings: &DatabaseArgs) -> Result<PathBuf, Failure> {
    match &settings.data_dir {
        Some(directory) => Ok(directory.clone()),
        None => Ok(embedded::default_data_dir()?),
    }
}
