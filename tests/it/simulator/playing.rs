//! A run against a server passes at any pace, and the database then contains all that the run sent.

use std::fs;

use futures_util::FutureExt;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Files, KINDS, LONG_TIMEOUT, text};
use crate::support::{App, eventually};

/// Asserts the numbers of users, messages and follows in the database.
async fn assert_rows(app: &App, users: i64, messages: i64, follows: i64) {
    let counts = (
        app.count("SELECT count(*) FROM users").await,
        app.count("SELECT count(*) FROM messages").await,
        app.count("SELECT count(*) FROM follows").await,
    );
    assert_eq!(counts, (users, messages, follows));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scenario_passes_with_concurrency_and_is_stored_completely() {
    let (app, files) = (App::start().await, Files::new());
    let plan = ["--commands", "3000", "--users", "60"];
    let pace = ["--concurrency", "8", "--verify", "--timeout", LONG_TIMEOUT];
    let run = files.simulate(&app.url("/sim"), &[&plan[..], &pace].concat()).await;
    run.assert_passed();
    run.assert_table_agrees();
    assert_eq!((run.count("register"), run.count("all")), (60, 3_000));
    assert_eq!(KINDS.map(|kind| run.count(kind)).iter().sum::<i64>(), 3_000);
    let found = &run.json["verification"];
    assert_eq!((&found["users"], &found["messages"]), (&json!(60), &json!(run.count("tweet"))));
    let follows = found["follows"].as_i64().expect("a number");
    assert!(follows > 100, "{follows}");
    assert_rows(&app, 60, run.count("tweet"), follows).await;
    let sent = run.json["seconds"].as_array().expect("a list").iter();
    assert_eq!(sent.map(|it| it["sent"].as_i64().expect("a number")).sum::<i64>(), 3_000);
    assert_eq!(run.page.matches("<svg").count(), 3);
    assert!(
        !run.page.contains("<script") && !run.page.contains("href="),
        "the page is self-contained"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_scenario_is_replayed_with_a_ramp_and_kept_connections() {
    let (app, files) = (App::start().await, Files::new());
    let saved = files.path("scenario.tsv");
    let plan = ["--commands", "400", "--users", "12", "--seed", "42"];
    let save = ["--write-scenario", text(&saved), "--verify", "--timeout", LONG_TIMEOUT];
    let arguments = [&plan[..], &save, &["--rate", "400"]].concat();
    let first = files.simulate(&app.url("/sim/"), &arguments).await;
    first.assert_passed();
    assert_eq!(files.text("scenario.tsv").lines().count(), 400);
    let phase = &first.json["registration_phase"];
    assert_eq!((&phase["count"], &phase["errors"]), (&json!(12), &json!({})));
    assert_eq!((first.count("register"), first.count("all")), (0, 388), "the phase is apart");

    let other = App::start().await;
    let replay =
        ["--scenario", text(&saved), "--keep-alive", "--verify", "--timeout", LONG_TIMEOUT];
    let arguments = [&replay[..], &["--ramp", "200..600", "--duration", "60"]].concat();
    let run = files.simulate(&format!("http://{}", other.simulator_address), &arguments).await;
    run.assert_passed();
    assert_eq!(run.count("all"), 400, "a file is played as written");
    assert_eq!(run.json["registration_phase"], json!(null));
    let rows = "SELECT string_agg(username || ':' || text, E'\\n' ORDER BY username, message_id)
                FROM messages JOIN users ON user_id = author_id";
    let mut stored = Vec::new();
    for app in [&app, &other] {
        stored.push(sqlx::query_scalar::<_, String>(rows).fetch_one(&app.rows).await.expect(rows));
    }
    assert_eq!(stored[0], stored[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_the_run_with_reports_and_verification() {
    let (app, files) = (App::start().await, Files::new());
    let plan = ["--commands", "10000", "--users", "20"];
    let arguments = [&plan[..], &["--rate", "50", "--verify", "--timeout", LONG_TIMEOUT]].concat();
    let child = files.command(&app.url("/sim"), &arguments).spawn().expect("it runs");
    eventually("messages are sent", async || {
        (app.count("SELECT count(*) FROM messages").await > 3).then_some(())
    })
    .await;
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGINT).expect("it runs");
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await;
    let run = files.read(output.expect("no panic").expect("it ends"));
    assert_eq!(run.code, Some(130), "{}{}", run.table, run.errors);
    let sent = run.count("all");
    assert!((4..10_000).contains(&sent), "{sent}");
    run.assert_no_difference();
    assert_eq!(run.json["verification"]["messages"], run.count("tweet"));
    run.assert_table_agrees();
}

#[tokio::test]
async fn ctrl_c_ends_the_reading_before_the_run() {
    let unresponsive = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", unresponsive.local_addr().expect("bound"));
    let files = Files::new();
    let arguments = ["--commands", "100", "--users", "10", "--verify"];
    let child = files.command(&base, &arguments).spawn().expect("it runs");
    let reading = unresponsive.accept().await.expect("it reads latest");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGINT).expect("it runs");
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await;
    let run = files.read(output.expect("no panic").expect("it ends"));
    drop(reading);
    assert_eq!((run.code, run.count("all")), (Some(130), 0), "{}{}", run.table, run.errors);
    assert!(unresponsive.accept().now_or_never().is_none(), "no further request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_of_commands_is_kept_even_if_a_command_must_fail() {
    let (app, files) = (App::start().await, Files::new());
    let scenario = files.path("early.tsv");
    let commands = [
        "register\tann\ta@a\tp",
        "follow\tann\tbob",
        "tweet\tbob\ttoo early",
        "register\tbob\tb@b\tp",
        "follow\tann\tbob",
        "unfollow\tbob\tann",
    ];
    let lines = (0..).zip(commands).map(|(number, it)| format!("{number}\t0\t0\t{it}\n"));
    fs::write(&scenario, lines.collect::<String>()).expect("written");
    let pace = ["--concurrency", "6", "--verify", "--timeout", LONG_TIMEOUT];
    let arguments = [&["--scenario", text(&scenario)][..], &pace].concat();
    let run = files.simulate(&app.url("/sim"), &arguments).await;
    assert_eq!(run.code, Some(1));
    run.assert_errors("tweet", &json!({"status 404": 1}));
    run.assert_errors("follow", &json!({"status 404": 1}));
    run.assert_no_difference();
    assert_rows(&app, 2, 0, 1).await;
}
