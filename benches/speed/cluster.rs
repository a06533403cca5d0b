//! The embedded PostgreSQL that all programs use: durable, on a Unix socket.

use std::fs;

use embedded_postgres::{Data, Embedded, Settings};
use minitwit::seed::Volume;
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::runtime::Runtime;

use crate::{Failure, binary, database::Database, options};

/// Enough for two servers, pgbench and this program.
const MAX_CONNECTIONS: u16 = 80;

/// A running cluster.
pub struct Cluster {
    runtime: Runtime,
    server: Embedded,
}

impl Cluster {
    /// Starts the cluster, empty or with the data of the last run.
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

    /// A database filled by `minitwit seed` in this run or an earlier one.
    pub fn seeded(&self, name: &'static str, volume: Volume) -> Result<Database, Failure> {
        let stamp = format!("{volume:?}");
        self.runtime.block_on(self.server.create_database(name))?;
        let database = self.database(name, volume);
        let stamped = "SELECT coalesce(shobj_description(oid, 'pg_database'), '')
                       FROM pg_database WHERE datname = current_database()";
        if self.text(&database, stamped)? != stamp {
            eprintln!("filling the database {name:?}");
            binary::seed(&database.url(), volume)?;
            self.execute(&database, format!("COMMENT ON DATABASE {name} IS '{stamp}'"))?;
        }
        Ok(database)
    }

    /// A database that may not exist yet.
    pub fn database(&self, name: &'static str, volume: Volume) -> Database {
        Database { name, options: self.server.connect_options(name), volume }
    }

    /// Reads the first column of the first row as text.
    pub fn text(&self, database: &Database, query: &'static str) -> Result<String, Failure> {
        self.runtime.block_on(async {
            let mut connection = database.connect().await?;
            let row = sqlx::query(query).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(row.try_get(0)?)
        })
    }

    /// Executes a statement.
    pub fn execute(&self, database: &Database, statement: String) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let mut connection = database.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            Ok(connection.close().await?)
        })
    }
}
