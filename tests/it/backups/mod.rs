//! Backups and restores of the embedded PostgreSQL, with the installed pgBackRest.

mod drill;
mod interrupted;
mod logical;
mod physical;
mod postgres;
mod recover;
mod rejected;
mod text_rules;
mod unfinished;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

use nix::sys::signal::Signal;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::support::{
    actors::Simulator,
    eventually,
    process::{ServerProcess, minitwit},
};

/// A data directory, a repository, and a passphrase file, in a directory that PostgreSQL's account can enter.
pub struct Machine {
    directory: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), permissions).expect("ours");
        let machine = Self { directory };
        fs::write(machine.path("passphrase"), "correct horse battery staple\n").expect("written");
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("text").to_owned()
    }

    /// The settings of data directory and repository.
    pub fn settings(&self) -> Vec<String> {
        let mut settings = self.data_settings();
        settings.extend(["--backup-repository".into(), self.text("backups")]);
        settings.extend(["--backup-passphrase-file".into(), self.text("passphrase")]);
        settings
    }

    pub fn data_settings(&self) -> Vec<String> {
        vec!["--data-dir".into(), self.text("data")]
    }

    /// Starts a server that archives.
    pub fn serve(&self) -> ServerProcess {
        let settings = self.settings();
        ServerProcess::start(&settings.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a command with the data directory alone: the repository is known from the server's start.
    pub fn run(&self, arguments: &[&str]) -> Output {
        run(arguments, &self.data_settings())
    }

    /// Runs a command with all settings.
    pub fn run_with_repository(&self, arguments: &[&str]) -> Output {
        run(arguments, &self.settings())
    }

    /// Runs a query on the running database. Returns its text.
    pub async fn query(&self, sql: &'static str) -> String {
        query(&self.path("data"), sql).await
    }

    /// Waits until all WAL so far is archived.
    pub async fn archive(&self) {
        let switched = self.query("SELECT pg_walfile_name(pg_switch_wal())").await;
        eventually("the WAL is archived", async || {
            let last = "SELECT COALESCE(last_archived_wal, '') FROM pg_stat_archiver";
            (self.query(last).await >= switched).then_some(())
        })
        .await;
    }

    /// The entries of the data directory that begin with `prefix`.
    pub fn entries(&self, prefix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("data")).expect("a directory").flatten();
        let named = |it: &fs::DirEntry| it.file_name().to_string_lossy().starts_with(prefix);
        entries.filter(named).map(|it| it.path()).collect()
    }
}

fn run(arguments: &[&str], settings: &[String]) -> Output {
    minitwit(arguments).args(settings).output().expect("it runs")
}

/// Runs a query on the database that runs in a data directory.
pub async fn query(data_directory: &Path, sql: &'static str) -> String {
    let options = embedded_postgres::running(data_directory, "minitwit").expect("it runs");
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    let value = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect(sql);
    connection.close().await.expect("closed");
    value
}

/// The standard output of a command that succeeded.
#[track_caller]
pub fn success(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The error output of a command that failed.
#[track_caller]
pub fn failure(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    text
}

/// Stops a server as an operator does. Its last WAL is archived.
pub fn stop(mut server: ServerProcess) {
    assert!(server.end(Signal::SIGTERM).success(), "{}", server.complete_output());
}

pub fn simulator(server: &ServerProcess) -> Simulator {
    Simulator::new(format!("{}/sim", server.base))
}

/// Posts messages of the user `ann`, who must exist.
pub async fn tweet(server: &ServerProcess, texts: &[&str]) {
    for text in texts {
        assert_eq!(simulator(server).tweet("ann", text).await.status, 204, "{text}");
    }
}

/// The texts of all messages, oldest first.
pub async fn messages(server: &ServerProcess) -> Vec<String> {
    let response = simulator(server).get("/msgs").await;
    let messages = response.json();
    let texts = messages.as_array().expect("a list").iter().rev();
    texts.map(|it| it["content"].as_str().expect("text").to_owned()).collect()
}
