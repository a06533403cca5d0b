//! Data directories without data: a new site starts only where none can be missing, and the commands that
//! read create nothing. The commands come from the command line itself.

use std::{fs, path::Path, process::Stdio};

use clap::{Command, CommandFactory as _};
use minitwit::config::Cli;

use crate::support::process::minitwit;

/// The commands that may create a database, or restore one.
const CREATING: [&str; 8] =
    ["serve", "postgres", "migrate", "seed", "import", "restore", "drill", "upgrade"];

/// The command lines of all other actions on a database, and of those options that only read.
fn reading() -> Vec<Vec<String>> {
    fn add(command: &Command, before: &[String], found: &mut Vec<Vec<String>>) {
        let mut line = before.to_vec();
        line.push(command.get_name().to_owned());
        let mut actions = command.get_subcommands().filter(|it| it.get_name() != "help").peekable();
        if actions.peek().is_some() {
            return actions.for_each(|action| add(action, &line, found));
        }
        let required = command.get_positionals().filter(|it| it.is_required_set());
        line.extend(required.map(|_| "1".to_owned()));
        found.push(line);
    }
    let mut found = Vec::new();
    for command in Cli::command().get_subcommands() {
        let has_database = command.get_arguments().any(|it| it.get_id() == "data_dir");
        if has_database && !CREATING.contains(&command.get_name()) {
            add(command, &[], &mut found);
        }
    }
    assert!(found.len() >= 9, "{found:?}");
    for line in [&["migrate", "--status"][..], &["backup", "--logical", "dump"]] {
        found.push(line.iter().map(ToString::to_string).collect());
    }
    found
}

/// Runs a command that must fail with one line. Returns the line.
#[track_caller]
fn rejection(line: &[String], settings: &[&str], directory: &Path) -> String {
    let arguments: Vec<&str> = line.iter().map(String::as_str).chain(settings.to_vec()).collect();
    let mut command = minitwit(&arguments);
    let output = command.current_dir(directory).stdin(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{line:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{line:?}: {text}");
    text
}

#[test]
fn commands_that_read_create_no_data() {
    let directory = tempfile::tempdir().expect("a directory");
    let (empty, absent) = (directory.path().join("empty"), directory.path().join("absent"));
    fs::create_dir(&empty).expect("made");
    for line in reading() {
        for path in [&empty, &absent] {
            let text = rejection(&line, &["--data-dir", path.to_str().expect("text")], &empty);
            // Without a repository, a physical backup fails earlier.
            let is_expected = text.contains("found no data in") || text.contains("repository");
            assert!(is_expected, "{line:?}: {text}");
        }
        if line[0] != "backup" || line.len() > 1 {
            let text = rejection(&line, &["--ephemeral"], &empty);
            assert!(text.contains("--ephemeral"), "{line:?}: {text}");
        }
        assert!(!absent.exists(), "{line:?}");
        assert_eq!(fs::read_dir(&empty).expect("readable").count(), 0, "{line:?}");
    }
}

#[test]
fn no_new_site_starts_in_an_empty_directory_of_a_missing_mount() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("mount point");
    let repository = directory.path().join("backups");
    fs::create_dir(&data).expect("made");
    let name = data.to_str().expect("text");
    for line in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--backup-repository",
            repository.to_str().expect("text"),
        ],
        &["migrate"],
        &["seed", "--yes"],
    ] {
        let line: Vec<String> = line.iter().map(ToString::to_string).collect();
        let text = rejection(&line, &["--data-dir", name], directory.path());
        for part in [name, "is empty and no mount point", "--data-dir (MINITWIT_DATA_DIR)"] {
            assert!(text.contains(part), "{line:?}: {text}");
        }
        assert_eq!(fs::read_dir(&data).expect("readable").count(), 0, "{line:?}");
    }
}
