//! The PostgreSQL that everything runs on: the server's own kind, durable, on a Unix socket.

use std::{fs, path::PathBuf};

use embedded_postgres::{Data, Embedded, Settings};
use minitwit::seed::Volume;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, postgres::PgConnectOptions,
};
use tokio::runtime::Runtime;

use crate::{Failure, options, server};

/// Room for two servers, pgbench, and this program.
const MAX_CONNECTIONS: u16 = 80;

/// A running cluster.
pub struct Cluster {
    runtime: Runtime,
    server: Embedded,
}

impl Cluster {
    /// Starts it, with the data of the last run or without any.
    pub fn start(keep: bool) -> Result<Self, Failure> {
        let data = options::directory().join("data");
        if !keep && data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let settings =
            Settings { max_connections: MAX_CONNECTIONS, ..Settings::new(Data::Directory(data)) };
        let server = Embedded::start(&settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, server })
    }

    /// A database that `minitwit seed` has filled, now or in a former run.
    pub fn seeded(&self, name: &'static str, volume: Volume) -> Result<Database, Failure> {
        let stamp = format!("{volume:?}");
        self.runtime.block_on(self.server.create_database(name))?;
        let database = Database { name, options: self.server.connect_options(name), volume };
        let stamped = "SELECT coalesce(shobj_description(oid, 'pg_database'), '')
                       FROM pg_database WHERE datname = current_database()";
        if self.text(&database, stamped)? != stamp {
            eprintln!("filling the database {name:?}");
            server::seed(&database.url(), volume)?;
            self.execute(&database, format!("COMMENT ON DATABASE {name} IS '{stamp}'"))?;
        }
        Ok(database)
    }

    /// The first column of the first row of a query, which is text.
    pub fn text(&self, database: &Database, query: &'static str) -> Result<String, Failure> {
        self.runtime.block_on(async {
            let mut connection = database.connect().await?;
            let row = sqlx::query(query).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(row.try_get(0)?)
        })
    }

    /// Runs a statement.
    pub fn execute(&self, database: &Database, statement: String) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let mut connection = database.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            Ok(connection.close().await?)
        })
    }
}

/// A database of the cluster.
#[derive(Clone)]
pub struct Database {
    pub name: &'static str,
    pub volume: Volume,
    options: PgConnectOptions,
}

impl Database {
    /// Its address.
    pub fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    /// The directory of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.options.get_socket().cloned().unwrap_or_default()
    }

    pub fn user(&self) -> &str {
        self.options.get_username()
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }
}
