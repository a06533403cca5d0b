//! Upgrades from every schema version, concurrent starts, and schemas that the program rejects.

mod former_history;
mod outside_transaction;
mod rows;

use std::process::Output;

use minitwit::db::{
    Connection,
    migrations::{self, MigrationSet},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{PgConnection, Row};

use self::rows::{ROWS, Rows};
use crate::support::{
    App,
    actors::{Simulator, TestResponse},
    cluster::TestDatabase,
    eventually,
    process::{ServerProcess, minitwit, wait, waiting_server},
};

/// Runs the program on this database, and waits for its exit.
fn run(database: &TestDatabase, arguments: &[&str]) -> Output {
    minitwit(arguments).env("DATABASE_URL", database.url()).output().expect("it runs")
}

/// Asserts that the program failed. Returns its error text.
#[track_caller]
fn rejection(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

/// Asserts that the program succeeded. Returns its output.
#[track_caller]
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The commands that check the schema. They change nothing in a schema that they reject.
const COMMANDS: &[&[&str]] =
    &[&["migrate"], &["migrate", "--status"], &["serve", "--listen", "127.0.0.1:0"]];

async fn execute(connection: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.expect(statements);
}

async fn history(database: &TestDatabase) -> Vec<i32> {
    let rows = sqlx::query("SELECT version FROM refinery_schema_history ORDER BY version")
        .fetch_all(&mut database.connect().await)
        .await
        .expect("a history");
    rows.iter().map(|row| row.get(0)).collect()
}

/// The last base migration. The base migrations run together on an empty database, so that no release ever has only
/// some of them.
const LAST_BASE: i32 = 8;

/// All versions of this program's schema, in order.
async fn versions() -> Vec<i32> {
    let database = TestDatabase::empty().await;
    let status = migrations::status(&mut database.connect().await).await.expect("a status");
    status.iter().map(|migration| migration.version).collect()
}

async fn readiness(base: &str) -> TestResponse {
    Simulator::new(base.to_owned()).get("/readyz").await
}

#[tokio::test]
async fn rows_of_every_version_survive_the_upgrade_to_the_newest() {
    let versions = versions().await;
    let tested: Vec<i32> = ROWS.iter().map(|rows| rows.since).collect();
    assert_eq!(tested, versions, "each migration has rows of its own");
    for version in versions.into_iter().filter(|version| *version >= LAST_BASE) {
        let database = TestDatabase::empty().await;
        let mut connection = migrations::connect(&database.options()).await.expect("connected");
        let applied = migrations::apply(&mut connection, Some(version)).await.expect("applied");
        assert_eq!(applied.len(), usize::try_from(version).expect("a number"));
        let rows: Vec<&Rows> = ROWS.iter().filter(|rows| rows.since <= version).collect();
        for rows in &rows {
            execute(&mut connection, rows.insert).await;
        }

        migrations::apply(&mut connection, None).await.expect("applied");
        migrations::check(&mut connection).await.expect("usable");
        connection.close().await.expect("closed");
        check_rows(&database, &rows, version).await;
        check_counts(&database, version).await;
        let app = App::start_on(database).await;
        app.simulator().get("/msgs").await.says("seen").does_not_say("flagged");
        app.stop().await;
    }
}

async fn check_rows(database: &TestDatabase, rows: &[&Rows], version: i32) {
    let mut connection = database.connect().await;
    for rows in rows {
        let found: Vec<String> =
            sqlx::query_scalar(rows.query).fetch_all(&mut connection).await.expect(rows.query);
        assert_eq!(found, rows.expected, "from V{version}, the rows of V{}", rows.since);
    }
}

/// Asserts that the counts equal the numbers of rows.
async fn check_counts(database: &TestDatabase, version: i32) {
    let query = "
        SELECT count(*) FROM users, counts_of(user_id) AS counts
        WHERE counts.messages <>
                  (SELECT count(*) FROM messages WHERE author_id = user_id AND NOT flagged)
           OR counts.followers <> (SELECT count(*) FROM follows WHERE followee_id = user_id)
           OR counts.following <> (SELECT count(*) FROM follows WHERE follower_id = user_id)";
    let wrong: i64 =
        sqlx::query_scalar(query).fetch_one(&mut database.connect().await).await.expect(query);
    assert_eq!(wrong, 0, "from V{version}");
}

#[tokio::test]
async fn ten_servers_that_start_at_once_apply_each_migration_once() {
    let database = TestDatabase::empty().await;
    // The server with the advisory lock waits for this table, and the others wait for the advisory lock.
    let barrier = database.hold("CREATE TABLE refinery_schema_history ()").await;
    let url = database.url();
    let start = || {
        let url = url.clone();
        tokio::task::spawn_blocking(move || ServerProcess::start(&["--database-url", &url]))
    };
    let starting: Vec<_> = (0..10).map(|_| start()).collect();
    database.waiting_statements(1).await;
    outside_transaction::migrating_connections(&database, 10).await;
    barrier.release().await;
    let mut servers = Vec::new();
    for server in starting {
        servers.push(server.await.expect("it serves"));
    }
    for server in &servers {
        assert_eq!(readiness(&server.base).await.status, 200);
    }
    let versions = versions().await;
    assert_eq!(history(&database).await, versions);
    let applied = || {
        let lines = servers.iter().map(|server| server.output().matches(" applied ").count());
        lines.sum::<usize>()
    };
    eventually("a line for each migration", || async {
        (applied() >= versions.len()).then_some(())
    })
    .await;
    assert_eq!(applied(), versions.len());
}

#[tokio::test]
async fn the_status_lists_pending_and_applied_migrations() {
    let database = TestDatabase::empty().await;
    let before = printed(&run(&database, &["migrate", "--status"]));
    let versions = versions().await;
    assert_eq!(before.lines().count(), versions.len(), "{before}");
    for (line, version) in before.lines().zip(&versions) {
        assert!(line.starts_with(&format!("V{version} ")) && line.ends_with("pending"), "{line}");
    }
    let history = "SELECT to_regclass('refinery_schema_history') IS NULL";
    let untouched: bool =
        sqlx::query_scalar(history).fetch_one(&mut database.connect().await).await.expect(history);
    assert!(untouched, "--status changes nothing");

    let applied = printed(&run(&database, &["migrate"]));
    assert_eq!(applied.lines().count(), versions.len(), "{applied}");
    assert!(applied.starts_with("applied V1"), "{applied}");
    let again = printed(&run(&database, &["migrate"]));
    assert_eq!(again, "nothing to apply: the schema is up to date\n");
    for line in printed(&run(&database, &["migrate", "--status"])).lines() {
        assert!(line.contains(" applied 20") && line.ends_with('Z'), "{line}");
    }
}

#[tokio::test]
async fn with_no_migrate_a_server_rejects_pending_migrations() {
    let database = TestDatabase::empty().await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--no-migrate"];
    let text = rejection(&run(&database, &serve));
    assert!(text.contains("are pending; run `minitwit migrate` first"), "{text}");
    printed(&run(&database, &["migrate"]));
    let server = ServerProcess::start(&["--no-migrate", "--database-url", &database.url()]);
    assert_eq!(readiness(&server.base).await.status, 200);
}

#[tokio::test]
async fn a_server_that_waits_for_migrations_serves_once_they_are_applied() {
    let database = TestDatabase::empty().await;
    let briefly = ["serve", "--listen", "127.0.0.1:0", "--no-migrate", "--await-migrations", "1"];
    let text = rejection(&run(&database, &briefly));
    assert!(text.contains("are pending; run `minitwit migrate` first"), "{text}");

    let (mut server, mut read_to) = waiting_server(&database.url());
    read_to("waiting for migrations");
    printed(&run(&database, &["migrate"]));
    let serving = read_to("base=");
    let base = serving.split('"').nth(1).expect("an address").to_owned();
    assert_eq!(readiness(&base).await.status, 200);
    kill(Pid::from_raw(server.id().try_into().expect("a pid")), Signal::SIGTERM).expect("it runs");
    assert!(wait(&mut server).success());
}

#[tokio::test]
async fn a_changed_migration_is_rejected() {
    let database = TestDatabase::fresh().await;
    let server = ServerProcess::start(&["--database-url", &database.url()]);
    let change = "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2";
    execute(&mut database.connect().await, change).await;
    for command in COMMANDS {
        let text = rejection(&run(&database, command));
        let reason = "migration V2 was changed after it was applied to this database";
        assert!(text.contains(reason), "{command:?}: {text}");
    }
    let response = readiness(&server.base).await;
    assert_eq!(response.status, 503);
    response.says("migration V2 was changed");
}

#[tokio::test]
async fn a_schema_that_needs_a_newer_program_is_rejected() {
    let database = TestDatabase::fresh().await;
    let server = ServerProcess::start(&["--database-url", &database.url()]);
    let contract = "INSERT INTO program_compatibility VALUES (99, '99.0.0')";
    execute(&mut database.connect().await, contract).await;
    for command in [&["migrate"], COMMANDS[2]] {
        let text = rejection(&run(&database, command));
        assert!(text.contains("needs 99.0.0 or newer (migration V99)"), "{command:?}: {text}");
    }
    let response = readiness(&server.base).await;
    assert_eq!(response.status, 503);
    response.says("needs 99.0.0 or newer");
    assert!(!response.header("retry-after").is_empty());
}

/// `migrations/README.md` promises that a release runs on the schema of the next release. Here this program is the
/// previous release. `make no-downtime PREVIOUS=auto` tests it with the real previous release.
#[tokio::test]
async fn the_previous_release_serves_on_a_newer_schema() {
    let database = TestDatabase::fresh().await;
    let expand = "ALTER TABLE messages ADD COLUMN language text, ADD COLUMN likes bigint DEFAULT 0 NOT NULL;
                  CREATE TABLE likes (user_id bigint REFERENCES users, message_id bigint REFERENCES messages)";
    let next_release = MigrationSet::embedded().with("V99__likes", expand).expect("a name");
    let applied = next_release.apply(&mut database.connect().await, None).await.expect("applied");
    assert_eq!(applied, ["V99__likes"]);

    let status = printed(&run(&database, &["migrate", "--status"]));
    let last = status.lines().last().expect("a line");
    assert!(last.starts_with("V99 ") && last.ends_with("(newer than this program)"), "{last}");
    assert!(printed(&run(&database, &["migrate"])).contains("nothing to apply"));
    let server = ServerProcess::start(&["--database-url", &database.url()]);
    assert_eq!(readiness(&server.base).await.status, 200);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    simulator.register("ann").await;
    assert_eq!(simulator.tweet("ann", "hello").await.status, 204);
    simulator.get("/msgs").await.says("hello");
}

#[tokio::test]
async fn a_migration_that_would_deadlock_with_a_request_is_retried() {
    let database = TestDatabase::fresh().await;
    let both =
        "ALTER TABLE users ADD COLUMN pronouns text; ALTER TABLE messages ADD COLUMN language text";
    let set = MigrationSet::embedded().with("V99__columns", both).expect("a name");
    // This request has read messages and will read users. The migration changes users first, so each would wait for
    // the other.
    let mut reader = database.connect().await;
    execute(&mut reader, "BEGIN; LOCK TABLE messages IN ACCESS SHARE MODE").await;
    let mut connection = database.connect().await;
    let migrating = tokio::spawn(async move {
        set.apply(&mut connection, None).await.map_err(|error| error.to_string())
    });
    database.waiting_statements(1).await;

    execute(&mut reader, "SELECT count(*) FROM users; COMMIT").await;

    assert_eq!(migrating.await.expect("no panic"), Ok(vec!["V99__columns".to_owned()]));
}

#[tokio::test]
async fn a_database_that_is_not_utf8_is_rejected() {
    let options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    let database = TestDatabase::create(options).await;
    for command in COMMANDS {
        let text = rejection(&run(&database, command));
        assert!(text.contains("encoding is SQL_ASCII; MiniTwit needs UTF8"), "{text}");
    }
}

#[test]
fn the_error_of_an_invalid_database_url_names_the_setting_and_omits_the_url() {
    for url in [
        "postgres://ann:hunter2@127.0.0.1:1/minitwit",
        "postgres://ann:hunter2@127.0.0.1:port/minitwit",
        "postgres://ann:hunter2@127.0.0.1:1/minitwit?sslmode=odd",
        "mysql://ann:hunter2@127.0.0.1/minitwit",
        "hunter2",
        "",
    ] {
        for command in COMMANDS {
            let output = minitwit(command).env("DATABASE_URL", url).output().expect("runs");
            assert!(!output.status.success(), "{url}");
            let text = String::from_utf8(output.stderr).expect("text");
            assert!(text.contains("DATABASE_URL"), "{url}: {text}");
            assert!(!text.contains("hunter2"), "{url}: {text}");
        }
    }
}
