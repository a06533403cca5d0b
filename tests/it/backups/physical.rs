//! Backups by pgBackRest: made, listed, checked, restored and drilled.

use std::{fs, path::Path};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{Machine, failure, messages, query, simulator, stop, success, tweet};
use crate::support::{actors::Browser, eventually};

const NOW: &str =
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

/// All files below a directory.
fn files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

#[tokio::test]
async fn a_database_is_restored_to_a_time_and_after_the_loss_of_everything() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["one"]).await;
    assert!(success(machine.run(&["backup"])).contains("F (full): "), "the first backup is full");
    tweet(&server, &["two"]).await;
    let before_three = machine.query(NOW).await;
    tweet(&server, &["three"]).await;
    assert!(success(machine.run(&["backup"])).contains("I (incremental): "));
    assert!(success(machine.run(&["backup", "--differential"])).contains("D (differential): "));
    let list = success(machine.run(&["backup", "--list"]));
    for kind in ["full", "incremental", "differential", "can be restored"] {
        assert!(list.contains(kind), "{list}");
    }
    assert!(success(machine.run(&["backup", "--verify"])).contains("status: ok"));
    stop(server);

    let refusal = failure(machine.run(&["restore", "--to", &before_three]));
    assert!(refusal.contains("has a database: confirm with --yes"), "{refusal}");
    let restored = success(machine.run(&["restore", "--to", &before_three, "--yes"]));
    let kept = machine.entries("postgres.before-restore-");
    assert_eq!(kept.len(), 1, "the old data is kept");
    assert!(restored.contains(kept[0].to_str().expect("text")), "{restored}");
    assert!(kept[0].join("PG_VERSION").exists());

    let server = machine.serve();
    assert_eq!(messages(&server).await, ["one", "two"]);
    the_metrics_show_backups(&server.base).await;
    tweet(&server, &["four"]).await;
    machine.archive().await;
    let mut server = server;
    server.end(Signal::SIGKILL);
    // PostgreSQL ends a little later than the server, and may still create files.
    eventually("the volume is lost", async || {
        (fs::remove_dir_all(machine.path("data")).is_ok() || !machine.path("data").exists())
            .then_some(())
    })
    .await;

    let refusal = failure(machine.run_with_repository(&["serve", "--listen", "127.0.0.1:0"]));
    assert!(refusal.contains("Restore it with `minitwit restore`"), "{refusal}");
    success(machine.run_with_repository(&["restore", "--latest"]));
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["one", "two", "four"]);
    stop(server);
}

async fn the_metrics_show_backups(base: &str) {
    let browser = Browser::new(base.to_owned());
    for name in ["minitwit_backup_finished_timestamp_seconds", "minitwit_backup_size_bytes"] {
        eventually(name, async || {
            let text = browser.get("/metrics").await.body;
            text.lines().any(|line| line.starts_with(&format!("{name} "))).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_drill_finds_what_was_noted_and_a_copy_archives_nothing() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["one", "two", "three"]).await;
    success(machine.run(&["backup"]));
    machine
        .query("WITH gone AS (DELETE FROM messages WHERE text = 'two' RETURNING 1) SELECT 'x'")
        .await;
    machine.query("WITH done AS (UPDATE messages SET text = 'new', edited_at = now() + interval '2 minutes'
                   WHERE text = 'three' RETURNING 1) SELECT 'x'").await;
    machine.archive().await;

    let report = success(machine.run(&["drill"]));
    for text in [
        "(RTO)",
        "messages: 3 rows noted before the backup, 1 deleted since: 2\n",
        "the drill passed",
    ] {
        assert!(report.contains(text), "{report}");
    }
    assert!(machine.entries("minitwit-drill").is_empty(), "the copy is removed");
    let result = fs::read(machine.path("data/pgbackrest/drill.json")).expect("a result");
    let result: Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["passed"], true);

    let copy = machine.path("copy");
    success(machine.run(&["restore", "--target-dir", copy.to_str().expect("text")]));
    let list = success(machine.run(&["backup", "--list"]));
    assert_eq!(list.lines().count(), 3, "a copy makes no backup: {list}");
    assert_eq!(messages(&server).await, ["one", "new"], "the server ran all the time");
    stop(server);

    // The passphrase encrypts everything: no file has the frame of its compression.
    let mut stored = Vec::new();
    files(&machine.path("backups"), &mut stored);
    assert!(stored.len() > 10);
    for file in stored {
        let bytes = fs::read(&file).expect("readable");
        assert!(bytes.starts_with(b"Salted__") || bytes.is_empty(), "{}", file.display());
    }
    assert!(!query_of_copy(&copy).await.is_empty());
}

async fn query_of_copy(copy: &Path) -> String {
    let data = copy.to_str().expect("text");
    let server = crate::support::process::ServerProcess::start(&["--data-dir", data]);
    let mode = query(copy, "SELECT current_setting('archive_mode')").await;
    assert_eq!(mode, "off");
    let texts = messages(&server).await.join(",");
    stop(server);
    texts
}

#[tokio::test]
async fn archiving_begins_and_ends_with_the_setting() {
    let machine = Machine::new();
    let data = machine.data_settings();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let mode =
        "SELECT current_setting('archive_mode') || ' ' || current_setting('archive_timeout')";
    let server = crate::support::process::ServerProcess::start(&data);
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    assert!(machine.query(mode).await.starts_with("off"));
    stop(server);

    let server = machine.serve();
    assert_eq!(machine.query(mode).await, "on 30s");
    success(machine.run(&["backup"]));
    stop(server);
    // A command that starts the database itself archives too.
    success(machine.run(&["migrate", "--status"]));

    let server = crate::support::process::ServerProcess::start(&data);
    assert!(server.output().contains("no backup repository is given any more"));
    assert!(machine.query(mode).await.starts_with("off"));
    tweet(&server, &["unarchived"]).await;
    stop(server);

    let server = machine.serve();
    assert_eq!(machine.query(mode).await, "on 30s");
    assert!(success(machine.run(&["backup"])).contains("(incremental)"));
    stop(server);
    success(machine.run(&["restore", "--yes"]));
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["unarchived"]);
}
