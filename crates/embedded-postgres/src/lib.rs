//! The PostgreSQL server that runs inside MiniTwit where the operator names no other.
//!
//! Everything but [`Embedded::create_database`] is synchronous: the server belongs to a thread of
//! the operating system, and lives however async runtimes come and go. Uses nothing of MiniTwit.

mod binaries;
mod cluster;
mod data_directory;
mod error;
mod orphan;
mod os_user;
mod postmaster;
mod server_log;
mod socket_directory;
mod supervisor;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use self::{
    binaries::Binaries,
    data_directory::DataDirectory,
    postmaster::Launch,
    socket_directory::{PORT, SocketDirectory},
    supervisor::Supervisor,
};
pub use self::{data_directory::default_data_dir, error::Error};

/// The only role of the server, made by `initdb`.
const SUPERUSER: &str = "minitwit";

/// The database that every cluster has from the beginning.
const MAINTENANCE_DATABASE: &str = "postgres";

/// How often a state is looked at that another process will change.
const POLL: Duration = Duration::from_millis(20);

/// Which server to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the data is.
    pub data: Data,
    /// The directory of the server's programs; `None` searches the usual places.
    pub postgres_bin: Option<PathBuf>,
    /// The account that root runs the server as; `None` takes the owner of the existing data, or
    /// `postgres`, or `nobody`.
    pub postgres_user: Option<String>,
    /// How many connections the server accepts at once.
    pub max_connections: u16,
}

impl Settings {
    /// Room for a pool of connections, migrations and an operator's psql.
    pub const DEFAULT_MAX_CONNECTIONS: u16 = 60;

    /// The default settings for this data.
    #[must_use]
    pub const fn new(data: Data) -> Self {
        Self {
            data,
            postgres_bin: None,
            postgres_user: None,
            max_connections: Self::DEFAULT_MAX_CONNECTIONS,
        }
    }
}

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In this directory, which is made if it is missing, for good.
    Directory(PathBuf),
    /// In a directory of its own under the system's temporary directory, until the server stops.
    Ephemeral,
}

/// A running PostgreSQL server. Dropping it stops it.
#[derive(Debug)]
pub struct Embedded {
    socket_directory: PathBuf,
    pid: Arc<AtomicU32>,
    running: Mutex<Option<Running>>,
}

/// What a server holds while it runs; dropped in this order.
#[derive(Debug)]
struct Running {
    _supervisor: Supervisor,
    _socket: SocketDirectory,
    _data: DataDirectory,
}

impl Embedded {
    /// Starts the server, having made its cluster if there is none. Returns when it accepts
    /// connections, which takes seconds for a new cluster: an async caller wraps it in
    /// `spawn_blocking`.
    ///
    /// # Errors
    /// Every [`Error`] but [`Error::CreateDatabase`].
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let (data, os_user) =
            DataDirectory::open(&settings.data, settings.postgres_user.as_deref())?;
        let major = cluster::major_version(&data.pgdata())?;
        let binaries = Binaries::find(settings.postgres_bin.as_deref(), &data.pgdata(), major)?;
        // Also frees the socket's directory of a former server.
        orphan::settle(&data.pgdata())?;
        if major.is_none() {
            tracing::info!(path = %data.path().display(), "creating a PostgreSQL cluster");
            cluster::create(&data, &binaries, &os_user)?;
        }
        let socket = SocketDirectory::open(data.run(), &os_user)?;
        let socket_directory = socket.path().to_owned();
        let launch = Launch::new(&binaries, os_user, &data, &socket, settings.max_connections);
        let pid = Arc::default();
        let supervisor = Supervisor::start(launch, Arc::clone(&pid))?;
        let running = Running { _supervisor: supervisor, _socket: socket, _data: data };
        Ok(Self { socket_directory, pid, running: Mutex::new(Some(running)) })
    }

    /// How to connect to a database of this server, as its superuser.
    #[must_use]
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        connect_options(&self.socket_directory, database)
    }

    /// Makes a database of this name if there is none.
    ///
    /// # Errors
    /// [`Error::CreateDatabase`] if the server cannot be reached or refuses.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        let create = async {
            let options = self.connect_options(MAINTENANCE_DATABASE);
            let mut connection = PgConnection::connect_with(&options).await?;
            create_database_if_missing(&mut connection, name).await?;
            connection.close().await
        };
        create.await.map_err(|source| Error::CreateDatabase { name: name.into(), source })
    }

    /// The process id of the server; `None` while it is stopped or about to be started again.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Stops the server, ending its connections, and waits for that: normally well below a second,
    /// at most 50. Does nothing if it is stopped already.
    pub fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(running.take());
    }
}

/// How to connect to a database of the server that another process runs on this data directory;
/// `None` if none does.
#[must_use]
pub fn running(data_directory: &Path, database: &str) -> Option<PgConnectOptions> {
    let socket = socket_directory::find(&data_directory.join(data_directory::RUN))?;
    Some(connect_options(&socket, database))
}

fn connect_options(socket_directory: &Path, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_directory)
        .port(PORT)
        .username(SUPERUSER)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

async fn create_database_if_missing(
    connection: &mut PgConnection,
    name: &str,
) -> Result<(), sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
    if exists {
        return Ok(());
    }
    // The name is quoted, as an identifier cannot be a parameter.
    let statement = format!(r#"CREATE DATABASE "{}""#, name.replace('"', r#""""#));
    match sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await {
        // Another connection was quicker.
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("42P04" | "23505")) =>
        {
            Ok(())
        }
        result => result.map(drop),
    }
}
