//! A server with the embedded PostgreSQL: its environment and its stop.

use std::{fs, os::unix::fs::PermissionsExt as _};

use nix::sys::signal::Signal;

use crate::support::{
    actors::{ApiClient, Simulator},
    process::{ServerProcess, minitwit},
};

/// The variables of libpq (PostgreSQL 18), each with a value that would break a connection.
const CLIENT_VARIABLES: &[(&str, &str)] = &[
    ("PGOPTIONS", "-c default_transaction_read_only=on -c search_path=nowhere -c TimeZone=nowhere"),
    ("PGAPPNAME", "other"),
    ("PGCHANNELBINDING", "require"),
    ("PGCLIENTENCODING", "SQL_ASCII"),
    ("PGCONNECT_TIMEOUT", "1"),
    ("PGDATABASE", "nowhere"),
    ("PGDATESTYLE", "German"),
    ("PGGEQO", "off"),
    ("PGGSSDELEGATION", "1"),
    ("PGGSSENCMODE", "require"),
    ("PGGSSLIB", "gssapi"),
    ("PGHOST", "nowhere.invalid"),
    ("PGHOSTADDR", "192.0.2.1"),
    ("PGKRBSRVNAME", "nobody"),
    ("PGLOADBALANCEHOSTS", "random"),
    ("PGMAXPROTOCOLVERSION", "3.0"),
    ("PGMINPROTOCOLVERSION", "3.2"),
    ("PGPASSFILE", "/nonexistent"),
    ("PGPASSWORD", "wrong"),
    ("PGPORT", "1"),
    ("PGREQUIREAUTH", "scram-sha-256"),
    ("PGREQUIREPEER", "nobody"),
    ("PGREQUIRESSL", "1"),
    ("PGSERVICE", "nowhere"),
    ("PGSERVICEFILE", "/nonexistent"),
    ("PGSSLCERT", "/nonexistent"),
    ("PGSSLCERTMODE", "require"),
    ("PGSSLCOMPRESSION", "1"),
    ("PGSSLCRL", "/nonexistent"),
    ("PGSSLCRLDIR", "/nonexistent"),
    ("PGSSLKEY", "/nonexistent"),
    ("PGSSLMAXPROTOCOLVERSION", "TLSv1"),
    ("PGSSLMINPROTOCOLVERSION", "TLSv1.3"),
    ("PGSSLMODE", "verify-full"),
    ("PGSSLNEGOTIATION", "direct"),
    ("PGSSLROOTCERT", "/nonexistent"),
    ("PGSSLSNI", "0"),
    ("PGSYSCONFDIR", "/nonexistent"),
    ("PGTARGETSESSIONATTRS", "standby"),
    ("PGTZ", "nowhere"),
    ("PGUSER", "nobody"),
    ("PGDATA", "/nonexistent"),
];

#[tokio::test]
async fn client_variables_of_the_environment_have_no_effect() {
    let server = ServerProcess::start_with(&["--ephemeral"], CLIENT_VARIABLES);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.register("ann").await.status, 204);
    assert_eq!(simulator.tweet("ann", "hello").await.status, 204);
    simulator.get("/msgs").await.says("hello");
}

#[tokio::test]
async fn an_ordinary_stop_logs_no_warning() {
    let mut server = ServerProcess::start(&["--ephemeral"]);
    let client = ApiClient::new(server.base.clone());
    client.sign_up("ann").await;
    // Leaves several connections open, which the stop ends.
    for _ in 0..8 {
        client.get("/messages").await;
    }
    assert!(server.end(Signal::SIGTERM).success());
    let output = server.complete_output();
    assert!(output.contains("stopped"), "{output}");
    for level in ["WARN", "ERROR", "terminating connection"] {
        assert!(!output.contains(level), "{output}");
    }
}

/// Every command that uses the data, without its settings.
const COMMANDS: &[&[&str]] = &[
    &["serve", "--listen", "127.0.0.1:0"],
    &["migrate"],
    &["migrate", "--status"],
    &["seed", "--yes"],
    &["user", "DATA", "list"],
    &["message", "DATA", "show", "1"],
    &["upgrade"],
    &["upgrade", "--dry-run"],
];

/// Runs a command that must fail with one line.
#[track_caller]
fn rejection(command: &[&str], settings: &[&str]) -> String {
    // Commands with actions expect the settings before the action.
    let at = command.iter().position(|word| *word == "DATA");
    let (before, after) = command.split_at(at.unwrap_or(command.len()));
    let after = after.get(1..).unwrap_or_default();
    let output = minitwit(&[before, settings, after].concat()).output().expect("it runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{command:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{command:?}: {text}");
    text
}

#[test]
fn data_of_another_major_version_is_rejected_with_what_to_type() {
    let directory = tempfile::tempdir().expect("a directory");
    // PostgreSQL's account must be able to enter it.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let data = directory.path().join("data of alice");
    let cluster = data.join("postgres");
    fs::create_dir_all(&cluster).expect("a directory");
    let name = data.to_str().expect("text");
    for command in COMMANDS {
        fs::write(cluster.join("PG_VERSION"), "13\n").expect("written");
        let text = rejection(command, &["--data-dir", name]);
        let typed = format!("then type: minitwit upgrade --data-dir '{name}'");
        for part in ["is of PostgreSQL 13, but only ", "apt-get install postgresql-13", &typed] {
            assert!(text.contains(part), "{command:?}: {text}");
        }
        fs::write(cluster.join("PG_VERSION"), "99\n").expect("written");
        let text = rejection(command, &["--data-dir", name]);
        for part in ["is of PostgreSQL 99, but only ", "apt-get install postgresql-99"] {
            assert!(text.contains(part), "{command:?}: {text}");
        }
        assert!(!text.contains("minitwit upgrade"), "{command:?}: {text}");
    }
    assert_eq!(fs::read_dir(&cluster).expect("a directory").count(), 1);
}

#[test]
fn only_data_of_the_embedded_postgres_is_upgraded() {
    let text = rejection(&["upgrade"], &["--database-url", "postgres://localhost/minitwit"]);
    assert!(text.contains("omit --database-url (DATABASE_URL)"), "{text}");
    let text = rejection(&["upgrade"], &["--ephemeral"]);
    assert!(text.contains("omit --ephemeral"), "{text}");
    let directory = tempfile::tempdir().expect("a directory");
    let text = rejection(&["upgrade"], &["--data-dir", directory.path().to_str().expect("text")]);
    assert!(text.contains("name its directory with --data-dir (MINITWIT_DATA_DIR)"), "{text}");
}
