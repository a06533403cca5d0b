//! Starts and crashes of real servers of the installed PostgreSQL, and the remains of earlier runs.

#![allow(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]

mod crashes;
mod start;
mod upgrades;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use embedded_postgres::{Data, Embedded, Error, Settings};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

/// A temporary directory that every account can enter.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

fn settings(directory: &Path) -> Settings {
    Settings::new(Data::Directory(directory.to_owned()))
}

fn start(directory: &Path) -> Embedded {
    Embedded::start(&settings(directory)).unwrap()
}

fn start_error(settings: &Settings) -> Error {
    Embedded::start(settings).map(drop).unwrap_err()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs a query on the database `postgres`, and returns the texts of its first column.
fn try_query(server: &Embedded, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    block_on(async {
        let options = server.connect_options("postgres");
        let mut connection = PgConnection::connect_with(&options).await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
        rows.iter().map(|row| row.try_get_unchecked(0)).collect()
    })
}

fn query(server: &Embedded, sql: &str) -> Vec<String> {
    try_query(server, sql).unwrap()
}

/// Polls until other processes have reached a state.
fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} took too long");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Runs one test in a separate process, from a copy of the program that every account can execute.
struct Rerun {
    command: Command,
    _directory: TempDir,
}

fn rerun(test: &str) -> Rerun {
    let directory = directory();
    let program = directory.path().join("servers");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command.args([test, "--exact", "--include-ignored", "--nocapture"]);
    command.current_dir("/");
    Rerun { command, _directory: directory }
}

impl Rerun {
    fn passes(mut self) {
        let output = self.command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    }
}
