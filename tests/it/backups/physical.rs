//! Backups by pgBackRest: made, listed, checked and restored.

use std::fs;

use nix::sys::signal::Signal;

use super::{Machine, failure, messages, recover::Procedure, simulator, stop, success, tweet};
use crate::support::{actors::Browser, eventually};

const NOW: &str =
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

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
    assert!(!machine.path("data").exists(), "a refused start leaves nothing behind");
    // The mount point of a new volume stays, and the start without the settings must not use it either.
    let data = machine.path("data");
    fs::create_dir_all(data.join("pgbackrest")).expect("created");
    fs::write(data.join("pgbackrest/pgbackrest.conf"), "").expect("written");
    let refusal = failure(machine.run(&["serve", "--listen", "127.0.0.1:0"]));
    assert!(refusal.contains("it names a backup repository"), "{refusal}");
    assert!(!data.join("postgres").exists());
    fs::remove_dir_all(&data).expect("removed");
    let mut procedure = Procedure::of("Lost volume");
    let restore = procedure.next(&[]);
    procedure.end();
    success(machine.run_with_repository(&restore.iter().map(String::as_str).collect::<Vec<_>>()));
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
