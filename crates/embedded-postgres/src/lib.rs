//! A PostgreSQL server that this program finds, creates, starts and supervises itself.
//!
//! It runs PostgreSQL's own programs. Only its error texts depend on MiniTwit: they name its settings.
//! Everything except [`Embedded::create_database`] is synchronous. An operating-system
//! thread owns the server, so it does not depend on an async runtime.

mod binaries;
mod cluster;
mod data_directory;
mod directories;
mod environment;
mod error;
mod installation;
mod orphan;
mod os_user;
mod postmaster;
mod process;
mod server_log;
mod settings;
mod socket_directory;
mod stopped_data;
mod supervisor;
mod upgrade;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use self::{
    binaries::Binaries,
    cluster::SUPERUSER,
    data_directory::DataDirectory,
    postmaster::Launch,
    socket_directory::{PORT, SocketDirectory},
    supervisor::Supervisor,
};
pub use self::{
    data_directory::default_data_dir,
    environment::restart_without_client_variables,
    error::{Error, Remedy},
    os_user::Account,
    settings::{Archiving, Data, Settings},
    stopped_data::StoppedData,
    upgrade::{Progress, Step, Upgrade, UpgradeSettings, upgrade},
};

/// The database that `initdb` creates in every cluster.
const MAINTENANCE_DATABASE: &str = "postgres";

/// A running PostgreSQL server. Dropping it stops the server.
#[derive(Debug)]
pub struct Embedded {
    socket_directory: PathBuf,
    pid: Arc<AtomicU32>,
    running: Mutex<Option<Running>>,
}

/// The resources of a running server, in the order in which they are dropped.
#[derive(Debug)]
struct Running {
    _supervisor: Supervisor,
    _socket: SocketDirectory,
    _data: DataDirectory,
}

impl Embedded {
    /// Starts the server, and creates its cluster if there is none. Returns once the server accepts
    /// connections, which takes seconds for a new cluster; async callers use `spawn_blocking`. A cancelled
    /// start stops what it has started.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let (data, os_user) =
            DataDirectory::open(&settings.data, settings.postgres_user.as_deref())?;
        upgrade::finish(data.path())?;
        upgrade::remove_unfinished(data.path())?;
        let major = cluster::major_version(&data.pgdata())?;
        let binaries = Binaries::find(settings.postgres_bin.as_deref(), &data.pgdata(), major)?;
        // A running orphan would still use the socket directory.
        orphan::stop(&data.pgdata(), &settings.cancel)?;
        if major.is_none() {
            stopped_data::check_no_interrupted_restore(&data)?;
            tracing::info!(path = %data.path().display(), "creating a PostgreSQL cluster");
            cluster::create(&data, &binaries, &os_user, &settings.cancel)?;
        }
        let socket = SocketDirectory::open(data.run(), &os_user)?;
        let socket_directory = socket.path().to_owned();
        let launch = Launch::new(&binaries, os_user, &data, &socket, settings);
        let pid = Arc::default();
        let supervisor = Supervisor::start(launch, Arc::clone(&pid))?;
        let running = Running { _supervisor: supervisor, _socket: socket, _data: data };
        Ok(Self { socket_directory, pid, running: Mutex::new(Some(running)) })
    }

    /// Options to connect to a database of this server as its superuser.
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        connect_options(&self.socket_directory, database)
    }

    /// The directory of the server's socket.
    pub fn socket_directory(&self) -> &Path {
        &self.socket_directory
    }

    /// Creates a database unless it exists.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        let create = async {
            let options = self.connect_options(MAINTENANCE_DATABASE);
            let mut connection = PgConnection::connect_with(&options).await?;
            create_database_if_missing(&mut connection, name).await?;
            connection.close().await
        };
        create.await.map_err(|cause| Error::CreateDatabase { name: name.into(), cause })
    }

    /// The process id of the server; `None` while it is stopped or waits for its restart.
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Stops the server and closes its connections. Blocks until the server has ended: usually less
    /// than 1 s, at most 50 s. Does nothing if the server is stopped already.
    pub fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(running.take());
    }
}

/// The path of a program of PostgreSQL such as `pg_dump`: of the version that made the cluster in the
/// data directory, or of the newest one. Returns an error if none is installed.
pub fn program(
    name: &str,
    postgres_bin: Option<&Path>,
    data_directory: Option<&Path>,
) -> Result<PathBuf, Error> {
    let pgdata = data_directory.map(data_directory::pgdata).unwrap_or_default();
    let major = if data_directory.is_some() { cluster::major_version(&pgdata)? } else { None };
    Ok(Binaries::find(postgres_bin, &pgdata, major)?.program(name))
}

/// The port of every server. It only names the socket's file.
pub const SOCKET_PORT: u16 = PORT;

/// The only role of every server.
pub const ROLE: &str = SUPERUSER;

/// Options to connect to a server that another process runs on this data directory, if one does.
pub fn running(data_directory: &Path, database: &str) -> Option<PgConnectOptions> {
    let socket = socket_directory::find(&data_directory::run(data_directory))?;
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
    // An identifier cannot be a parameter, so the name is quoted.
    let statement = format!(r#"CREATE DATABASE "{}""#, name.replace('"', r#""""#));
    match sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await {
        // Another connection has created it since the query.
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("42P04" | "23505")) =>
        {
            Ok(())
        }
        result => result.map(drop),
    }
}
