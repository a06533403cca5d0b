//! Locks of other sessions that migrations wait for.

use minitwit::db::{
    Connection as _,
    migrations::{self, MigrationSet, Patience},
};
use nix::sys::signal::Signal;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use super::{Running, STOPPING};
use crate::support::{cluster::TestDatabase, process::minitwit};

/// The advisory lock of migrations.
const LOCK: &str = "SELECT pg_advisory_lock(x'6d696e6974776974'::bigint)";

/// The commands that migrate.
const MIGRATING: &[&[&str]] = &[
    &["serve", "--listen", "127.0.0.1:0"],
    &["migrate"],
    &["seed", "--yes", "--users", "10", "--messages", "10", "--follows", "10"],
];

async fn session(database: &TestDatabase, name: &str, statements: &str) -> PgConnection {
    let options = database.options().application_name(name);
    let mut connection = options.connect().await.expect("connected");
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(&mut connection).await.expect("executed");
    connection
}

async fn has(database: &TestDatabase, condition: &str) -> bool {
    let query = AssertSqlSafe(format!("SELECT {condition}"));
    sqlx::query_scalar(query).fetch_one(&mut database.connect().await).await.expect("a value")
}

/// Waits until no session of a migration is left.
async fn no_migration_runs(database: &TestDatabase) {
    let none = "count(*) FILTER (WHERE application_name = 'minitwit migrate') = 0";
    database.wait_for_backends(none).await;
}

#[tokio::test]
async fn the_holder_of_the_migrations_lock_is_named_and_nothing_is_applied_after_a_signal() {
    for (arguments, signal) in MIGRATING.iter().zip(STOPPING) {
        let database = TestDatabase::empty().await;
        let holder = session(&database, "the holder", LOCK).await;
        let url = database.url();
        let mut command = Running::start_with(arguments, &[("DATABASE_URL", &url)]);
        let line = command.line("waiting for the lock of migrations").await;
        assert!(line.contains("'the holder'") && line.contains("pid "), "{line}");
        // The lock is free at the moment of the signal.
        command.signal(signal);
        holder.close().await.expect("closed");
        let (_, output) = command.end();
        assert!(output.contains(signal.as_str()), "{output}");
        no_migration_runs(&database).await;
        assert!(!has(&database, "to_regclass('users') IS NOT NULL").await, "{arguments:?}");
    }
}

#[tokio::test]
async fn the_wait_for_the_migrations_lock_has_a_limit() {
    let database = TestDatabase::empty().await;
    let _holder = session(&database, "the holder", LOCK).await;
    for arguments in MIGRATING {
        let command = minitwit(arguments)
            .envs([("DATABASE_URL", database.url()), ("MINITWIT_START_TIMEOUT", "1".into())])
            .output();
        let output = command.expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("--start-timeout") && text.contains("'the holder'"), "{text}");
    }
}

/// A database in which only the first migration is applied. The second needs a lock of the table of users.
async fn with_pending() -> TestDatabase {
    let database = TestDatabase::empty().await;
    let mut connection = migrations::connect(&database.options()).await.expect("connected");
    migrations::apply(&mut connection, Some(1)).await.expect("applied");
    connection.close().await.expect("closed");
    database
}

#[tokio::test]
async fn the_holder_of_a_tables_lock_is_named_and_nothing_is_applied_after_a_signal() {
    let database = with_pending().await;
    let lock = "BEGIN; LOCK TABLE users, messages, follows IN ACCESS EXCLUSIVE MODE";
    let holder = session(&database, "the holder", lock).await;
    let url = database.url();
    let mut command = Running::start(&["migrate", "--database-url", &url]);
    let line = command.line("waiting for the lock of a table").await;
    assert!(line.contains("'the holder'") && line.contains("idle in transaction"), "{line}");
    command.stopped_by(Signal::SIGINT);
    holder.close().await.expect("closed");
    no_migration_runs(&database).await;
    let applied = "EXISTS (SELECT FROM refinery_schema_history WHERE version > 1)";
    assert!(!has(&database, applied).await);
}

#[tokio::test]
async fn the_wait_for_a_tables_lock_has_a_limit() {
    let database = with_pending().await;
    let lock = "BEGIN; LOCK TABLE users, messages, follows IN ACCESS EXCLUSIVE MODE";
    let _holder = session(&database, "the holder", lock).await;
    let url = database.url();
    let arguments = ["migrate", "--start-timeout", "1", "--database-url", &url];
    let output = minitwit(&arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("--start-timeout") && text.contains("lock of a table"), "{text}");
}

#[tokio::test]
async fn a_signal_ends_the_statement_that_a_migration_executes() {
    for command in MIGRATING {
        let database = TestDatabase::empty().await;
        // A statement of the first migration takes ten minutes.
        let slow = "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql
                    AS 'BEGIN IF to_regclass(''users'') IS NOT NULL THEN PERFORM pg_sleep(600); END IF; END';
                    CREATE EVENT TRIGGER slow ON ddl_command_end EXECUTE FUNCTION slow()";
        session(&database, "tests", slow).await.close().await.expect("closed");
        let url = database.url();
        let mut command = Running::start_with(command, &[("DATABASE_URL", &url)]);
        command.line("migrating; a signal ends it").await;
        command.stopped_by(Signal::SIGTERM);
        no_migration_runs(&database).await;
        assert!(!has(&database, "to_regclass('users') IS NOT NULL").await);
    }
}

#[tokio::test]
async fn an_index_build_waits_for_an_old_transaction_only_as_long_as_the_limit() {
    let database = TestDatabase::fresh().await;
    let build = "-- minitwit:no-transaction\nCREATE INDEX CONCURRENTLY late_idx ON messages (published_at);\n";
    let set = MigrationSet::embedded().with("V900__late", build).expect("a name");
    let writer = database.hold("LOCK TABLE messages IN ROW EXCLUSIVE MODE").await;
    let mut connection = migrations::connect(&database.options()).await.expect("connected");
    let patience = Patience { limit: std::time::Duration::from_millis(300), setting: "a limit" };
    let error = set.apply_within(&mut connection, None, patience).await.expect_err("waited");
    assert!(error.to_string().contains("a limit"), "{error}");
    writer.release().await;
    // The next attempt replaces the invalid index.
    set.apply_within(&mut connection, None, patience).await.expect("applied");
    let valid = "(SELECT indisvalid FROM pg_index WHERE indexrelid = 'late_idx'::regclass)";
    assert!(has(&database, valid).await);
}
