//! One temporary PostgreSQL for the test run. Its databases are copies of one migrated template.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use embedded_postgres::{Data, Embedded, Settings};
use minitwit::db::migrations;
use nix::sys::statvfs::statvfs;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

use super::TIMEOUT;

const TEMPLATE: &str = "template_minitwit";
/// Enough for the pools of all parallel tests.
const MAX_CONNECTIONS: u16 = 400;

/// The room that a test run needs in memory, in bytes: databases, and 1 GiB of write-ahead log.
const ROOM: u64 = 4 << 30;

/// A directory in memory, if there is one with enough room. On a disk, the creation and the deletion of
/// each test's database take longer than most tests.
fn in_memory() -> Option<PathBuf> {
    let directory = PathBuf::from("/dev/shm");
    let space = statvfs(&directory).ok()?;
    (space.blocks_available() * space.fragment_size() >= ROOM).then_some(directory)
}

/// The data of a server that only this test run uses.
pub fn ephemeral_data() -> Data {
    in_memory().map_or(Data::Ephemeral, Data::EphemeralIn)
}

/// The server of this test run. It stops when the process exits, and then deletes its data.
pub fn server() -> &'static Embedded {
    static SERVER: OnceLock<Embedded> = OnceLock::new();
    extern "C" fn stop() {
        if let Some(server) = SERVER.get() {
            server.stop();
        }
    }
    SERVER.get_or_init(|| {
        #[allow(
            unsafe_code,
            reason = "a static is not dropped at exit; the comment proves this use"
        )]
        // SAFETY: the registered function does not unwind and uses only a static.
        unsafe {
            nix::libc::atexit(stop)
        };
        let settings =
            Settings { max_connections: MAX_CONNECTIONS, ..Settings::new(ephemeral_data()) };
        Embedded::start(&settings).expect("an embedded server")
    })
}

/// The database of one test. The last clone drops it.
#[derive(Clone)]
pub struct TestDatabase(Arc<DatabaseName>);

/// The name of a database. Drops the database when dropped.
struct DatabaseName(String);

impl TestDatabase {
    /// Creates a database with the newest schema and no rows.
    pub async fn fresh() -> Self {
        static TEMPLATE_MADE: OnceCell<()> = OnceCell::const_new();
        TEMPLATE_MADE
            .get_or_init(|| async {
                execute(&format!("CREATE DATABASE {TEMPLATE}")).await;
                let options = server().connect_options(TEMPLATE);
                let mut connection = migrations::connect(&options).await.expect("connected");
                migrations::apply(&mut connection, None).await.expect("migrated");
                connection.close().await.expect("closed");
            })
            .await;
        Self::create(&format!("TEMPLATE {TEMPLATE}")).await
    }

    /// Creates a database without a schema.
    pub async fn empty() -> Self {
        Self::create("").await
    }

    /// Creates a database with these options of `CREATE DATABASE`.
    pub async fn create(options: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        execute(&format!("CREATE DATABASE {name} {options}")).await;
        Self(Arc::new(DatabaseName(name)))
    }

    pub fn name(&self) -> &str {
        &self.0.0
    }

    pub fn options(&self) -> PgConnectOptions {
        server().connect_options(&self.0.0)
    }

    pub fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }

    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.expect("connected")
    }

    /// Locks a table in ACCESS EXCLUSIVE mode until the lock is released.
    pub async fn lock(&self, table: &str) -> Lock {
        self.lock_in_mode(table, "ACCESS EXCLUSIVE").await
    }

    /// Locks a table against writes until the lock is released.
    pub async fn lock_against_writes(&self, table: &str) -> Lock {
        self.lock_in_mode(table, "SHARE ROW EXCLUSIVE").await
    }

    async fn lock_in_mode(&self, table: &str, mode: &str) -> Lock {
        self.hold(&format!("LOCK TABLE {table} IN {mode} MODE")).await
    }

    /// Executes a statement in a transaction that stays open until the lock is released.
    pub async fn hold(&self, statement: &str) -> Lock {
        let mut connection = self.connect().await;
        let statements = AssertSqlSafe(format!("BEGIN; {statement}"));
        sqlx::raw_sql(statements).execute(&mut connection).await.expect("held");
        Lock(connection)
    }

    /// Waits until `count` statements wait for locks.
    pub async fn waiting_statements(&self, count: i64) {
        let condition = format!("count(*) FILTER (WHERE wait_event_type = 'Lock') = {count}");
        self.wait_for_backends(&condition).await;
    }

    /// Waits until an aggregate condition on this database's rows of `pg_stat_activity` holds; panics at the time-out.
    pub async fn wait_for_backends(&self, condition: &str) {
        let mut connection = self.connect().await;
        let query =
            format!("SELECT {condition} FROM pg_stat_activity WHERE datname = current_database()");
        let begun = Instant::now();
        while !sqlx::query_scalar::<_, bool>(AssertSqlSafe(query.clone()))
            .fetch_one(&mut connection)
            .await
            .expect(&query)
        {
            assert!(begun.elapsed() < TIMEOUT, "{condition} does not hold");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An open transaction with its locks.
pub struct Lock(PgConnection);

impl Lock {
    /// Rolls the transaction back, which releases its locks.
    pub async fn release(self) {
        self.0.close().await.expect("closed");
    }

    /// Commits the transaction, which releases its locks.
    pub async fn commit(mut self) {
        sqlx::raw_sql("COMMIT").execute(&mut self.0).await.expect("committed");
    }
}

impl Drop for DatabaseName {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);
        // The runtime of the test may be shutting down, so this needs one of its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(execute(&statement));
        });
        // If this fails, the server deletes the database with all its data at exit.
        let _ = dropped.join();
    }
}

async fn execute(statement: &str) {
    let mut connection = server().connect_options("postgres").connect().await.expect("connected");
    let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.expect("closed");
}
