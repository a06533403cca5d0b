//! Databases and roles of other operators: their settings, their rights, damaged schemas, orphan rows.

mod damage;
mod data_only;
mod orphans;
mod rights;
mod settings;

use std::process::Output;

use sqlx::{AssertSqlSafe, Connection as _, postgres::PgConnectOptions};

use crate::support::{cluster::TestDatabase, process::minitwit};

/// A role of one test, which may sign in to its database.
struct Role {
    name: String,
    database: TestDatabase,
}

impl Role {
    /// Creates a role with these attributes. Its name needs quotes.
    async fn new(database: &TestDatabase, attributes: &str) -> Self {
        let name = format!("{}'s \"role\"", database.name());
        let role = Self { name, database: database.clone() };
        role.execute(&format!("CREATE ROLE {} LOGIN {attributes}", role.quoted())).await;
        role
    }

    /// Creates a role that owns the database, and so may create tables in it.
    async fn owner(database: &TestDatabase) -> Self {
        let role = Self::new(database, "").await;
        role.execute(&format!("ALTER DATABASE {} OWNER TO {}", database.name(), role.quoted()))
            .await;
        role
    }

    fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    /// Executes statements as a superuser, in the role's database.
    async fn execute(&self, statements: &str) {
        let mut connection = self.database.connect().await;
        let done = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{statements}: {error}"));
        connection.close().await.expect("closed");
    }

    fn options(&self) -> PgConnectOptions {
        self.database.options().username(&self.name)
    }

    fn url(&self) -> String {
        use sqlx::ConnectOptions as _;
        self.options().to_url_lossy().to_string()
    }

    /// Runs the program with the role's database, and waits for its exit.
    fn run(&self, arguments: &[&str]) -> Output {
        minitwit(arguments).env("DATABASE_URL", self.url()).output().expect("it runs")
    }

    /// Asserts that the program fails with one line that contains these parts.
    #[track_caller]
    fn is_refused(&self, arguments: &[&str], parts: &[&str]) {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: no {part} in {text}");
        }
    }

    /// Asserts that the program succeeds.
    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}");
    }
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];
const MIGRATE: &[&str] = &["migrate"];
