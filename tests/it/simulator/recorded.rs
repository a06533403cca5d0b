//! The record of a run, and the verification of a system against it.

use std::process::Output;

use super::{Files, LONG_TIMEOUT, text};
use crate::support::{App, process::minitwit};

async fn verify(app: &App, files: &Files, more: &[&str]) -> Output {
    let mut command = minitwit(&["simulate", "verify", &app.url("/sim")]);
    command.args(["--scenario", text(&files.path("scenario.tsv"))]);
    command.args(["--record", text(&files.path("record"))]).args(more);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    output.expect("no panic").expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_confirmed_is_verified_later() {
    let (app, files) = (App::start().await, Files::new());
    let (scenario, record) = (files.path("scenario.tsv"), files.path("record"));
    let arguments = [
        &["--commands", "300", "--users", "6", "--concurrency", "4", "--timeout", LONG_TIMEOUT][..],
        &["--write-scenario", text(&scenario), "--record", text(&record)],
    ];
    let run = files.simulate(&app.url("/sim"), &arguments.concat()).await;
    assert_eq!(run.code, Some(0), "{}", run.table);

    let verified = verify(&app, &files, &[]).await;
    let table = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(0), "{table}");
    assert!(
        table.contains("verified: 6 users") && table.contains(", 0 commands uncertain"),
        "{table}"
    );

    let delete = "WITH gone AS (DELETE FROM messages WHERE message_id % 20 = 0 RETURNING 1)
                  SELECT count(*) FROM gone";
    let deleted = app.count(delete).await;
    let verified = verify(&app, &files, &[]).await;
    let table = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(1), "{table}");
    assert!(table.contains(&format!("message missing: {deleted}\n")), "{table}");

    // Commands that ended later may be lost.
    let verified = verify(&app, &files, &["--until", "2020-01-01T00:00:00Z"]).await;
    let table = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(0), "{table}");
    assert!(table.contains(", 300 commands uncertain"), "{table}");

    std::fs::write(record, "300\t1\thappened\n").expect("written");
    let verified = verify(&app, &files, &[]).await;
    let error = String::from_utf8_lossy(&verified.stderr);
    assert!(error.contains("--record: line 1 is no line of a record"), "{error}");
}
