//! `minitwit import`: old systems move in, with their dirt, into empty and into live systems.

mod dirty;
mod interrupted;
mod live;
mod mongo;
mod postgres;
mod sqlite;

use std::{path::Path, process::Output};

use rusqlite::Connection;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tempfile::TempDir;

use crate::support::{cluster::TestDatabase, process::minitwit};

/// The schema of the original, whose columns of type `string` have numeric affinity.
const SCHEMA: &str = "
    CREATE TABLE user (user_id integer primary key autoincrement, username string not null,
                       email string not null, pw_hash string not null);
    CREATE TABLE follower (who_id integer, whom_id integer);
    CREATE TABLE message (message_id integer primary key autoincrement, author_id integer not null,
                          text string not null, pub_date integer, flagged integer);";
/// Hashes of [`PASSWORD`], as werkzeug's first and later versions make them.
const PBKDF2: &str =
    "pbkdf2:sha256:50000$fvo2aT3d$aa524a49b416c8f279e9bba61c50ecb3ea8e45a606428c6768510a7d4b7a7141";
const SCRYPT: &str = "scrypt:32768:8:1$2kQ8d6Wm4nVtRzXy$0baf930ec49ed52b8c6941dcd256698e4dadf0bebf1b6e10a46de66eabad52f1a8c1fd3ea2a38be2c0d93de06e246a534b9ff5f9f98a1f74ed59e277d1a49ebf";
const PASSWORD: &str = "p\u{e4}ssw\u{f6}rd";

/// An old system in a directory of its own.
struct OldSystem {
    directory: TempDir,
}

impl OldSystem {
    fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    /// An SQLite file with the original's schema, filled by these statements.
    fn sqlite(statements: &str) -> Self {
        let system = Self::new();
        system.change(&format!("{SCHEMA}{statements}"));
        system
    }

    /// Executes statements on the SQLite file.
    fn change(&self, statements: &str) {
        let connection = Connection::open(self.path("old.db")).expect("a file");
        connection.execute_batch(statements).expect(statements);
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("text").to_owned()
    }

    /// Imports the SQLite file with a report.
    fn import(&self, database: &TestDatabase, arguments: &[&str]) -> Output {
        import(database, &[&["sqlite", &self.path("old.db")], arguments].concat(), &self.report())
    }

    fn report(&self) -> String {
        self.path("report.json")
    }

    /// Imports the SQLite file, and returns the report.
    #[track_caller]
    fn imported(&self, database: &TestDatabase, arguments: &[&str]) -> Report {
        let output = self.import(database, arguments);
        assert!(output.status.success(), "{output:?}");
        Report::read(&self.report())
    }
}

fn import(database: &TestDatabase, arguments: &[&str], report: &str) -> Output {
    let url = database.url();
    let options = ["--database-url", &url, "--report", report];
    minitwit(&[&["import"], arguments, &options].concat()).output().expect("it runs")
}

/// The report of an import.
struct Report(Value);

impl Report {
    #[track_caller]
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(path).expect("a report");
        assert!(!Path::new(&format!("{path}.part")).exists());
        let report = Self(serde_json::from_str(&text).expect("JSON"));
        for (table, counts) in report.0["tables"].as_object().expect("tables") {
            let number = |name: &str| counts[name].as_u64().expect("a number");
            let sum = number("imported") + number("changed") + number("skipped");
            assert_eq!(sum, number("read"), "{table} {counts}");
        }
        report
    }

    /// The numbers read, imported, changed and skipped of a table.
    fn counts(&self, table: &str) -> [u64; 4] {
        let counts = &self.0["tables"][table];
        ["read", "imported", "changed", "skipped"].map(|name| counts[name].as_u64().expect(name))
    }

    /// The findings as `table id rule`, sorted.
    fn findings(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let finding = |finding: &Value| {
            let [table, id, rule] = ["table", "source_id", "rule"].map(|name| text(&finding[name]));
            format!("{table} {id} {rule}")
        };
        let findings = self.0["findings"].as_array().expect("findings");
        let mut all: Vec<String> = findings.iter().map(finding).collect();
        all.sort();
        all
    }

    /// How often a rule applied.
    fn rule(&self, table: &str, name: &str) -> u64 {
        let rules = self.0["rules"].as_array().expect("rules");
        let of = |rule: &&Value| rule["table"] == table && rule["rule"] == name;
        rules.iter().find(of).map_or(0, |rule| rule["count"].as_u64().expect("a number"))
    }
}

/// All rows of a query as text.
async fn rows(connection: &mut PgConnection, query: &str) -> Vec<String> {
    let query = AssertSqlSafe(query.to_owned());
    sqlx::query_scalar(query).fetch_all(connection).await.expect("rows")
}

/// A digest of all tables that an import fills.
async fn digest(database: &TestDatabase) -> Vec<String> {
    let connection = &mut database.connect().await;
    let mut all = Vec::new();
    for table in [
        "users",
        "messages",
        "follows",
        "imported_users",
        "imported_messages",
        "imported_follows",
        "import_passwords",
        "simulator_latest",
    ] {
        let query = format!(
            "SELECT '{table} ' || count(*) || ' ' || COALESCE(md5(string_agg(rows::text, ',' ORDER BY rows)), '')
             FROM {table} AS rows"
        );
        all.extend(rows(connection, &query).await);
    }
    all
}
