//! `minitwit simulate` as a process, against a real server. `crates/simulator/tests` runs it against a server with faults.

mod checking;
mod comparing;
mod playing;
mod recorded;
mod rejected;
mod repeated;
mod wrong_address;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::support::process::minitwit;

/// A time-out in milliseconds that even a slow machine does not exceed.
const LONG_TIMEOUT: &str = "60000";
const KINDS: [&str; 4] = ["register", "tweet", "follow", "unfollow"];

/// The result of `minitwit simulate`.
struct Simulated {
    code: Option<i32>,
    table: String,
    errors: String,
    json: Value,
    page: String,
}

/// A directory for the files of a run.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("written")
    }

    /// A process with these arguments that writes all reports.
    fn command(&self, base: &str, arguments: &[&str]) -> Command {
        let mut command = minitwit(&["simulate", base]);
        command.args(arguments).arg("--json").arg(self.path("run.json"));
        command.arg("--report").arg(self.path("run.html"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Reads the reports of a process that has ended.
    fn read(&self, output: Output) -> Simulated {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let (table, errors) = (text(output.stdout), text(output.stderr));
        let json = serde_json::from_str(&self.text("run.json"));
        let json = json.unwrap_or_else(|error| panic!("{error}: {table}{errors}"));
        let page = std::fs::read_to_string(self.path("run.html")).unwrap_or_default();
        Simulated { code: output.status.code(), table, errors, json, page }
    }

    /// Checks the contract, without blocking this runtime.
    async fn check(&self, base: &str, arguments: &[&str]) -> Simulated {
        let mut command = minitwit(&["simulate", "--check", base]);
        command.args(arguments).arg("--json").arg(self.path("run.json"));
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        self.read(output.expect("no panic").expect("it runs"))
    }

    /// Runs a process to its end, without blocking this runtime.
    async fn simulate(&self, base: &str, arguments: &[&str]) -> Simulated {
        let mut command = self.command(base, arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        self.read(output.expect("no panic").expect("it runs"))
    }
}

impl Simulated {
    fn count(&self, kind: &str) -> i64 {
        self.json["commands"][kind]["count"].as_i64().expect("a number")
    }

    /// Asserts the errors of one kind of command.
    #[track_caller]
    fn assert_errors(&self, kind: &str, expected: &Value) {
        let errors = &self.json["commands"][kind]["errors"];
        assert_eq!(errors, expected, "{kind}: {}{}", self.table, self.errors);
    }

    /// Asserts that verification found no difference and read everything.
    #[track_caller]
    fn assert_no_difference(&self) {
        let found = &self.json["verification"];
        assert_eq!(found["differences"], json!([]), "{}", self.table);
        assert_eq!(found["unverifiable"], json!([]), "{}", self.table);
    }

    /// Asserts that every command succeeded and verification passed.
    #[track_caller]
    fn assert_passed(&self) {
        self.assert_errors("all", &json!({}));
        self.assert_no_difference();
        assert_eq!(self.json["verification"]["uncertain_commands"], 0);
        assert_eq!(self.code, Some(0), "{}{}", self.table, self.errors);
    }

    /// Asserts that the table and the JSON have the same figures.
    #[track_caller]
    fn assert_table_agrees(&self) {
        for kind in KINDS.into_iter().chain(["all"]) {
            let is_row = |line: &&str| line.split_whitespace().next() == Some(kind);
            let row = self.table.lines().find(is_row).expect("a row");
            let figures = &self.json["commands"][kind];
            let errors = figures["errors"].as_object().expect("an object").values();
            let errors: i64 = errors.map(|count| count.as_i64().expect("a number")).sum();
            let counts = [self.count(kind), errors].map(|count| count.to_string());
            let latencies = ["p50_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms"].map(|name| {
                figures[name].as_f64().map_or("–".to_owned(), |latency| format!("{latency:.2}"))
            });
            let expected = [&[kind.to_owned()][..], &counts, &latencies].concat();
            let row: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(row, expected);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}
