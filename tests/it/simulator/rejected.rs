//! Invalid scenarios, plans and settings are rejected before a request is sent.

use std::{fs, io::ErrorKind, net::TcpListener, process::Command};

use serde_json::{Value, json};

use super::{Files, text};
use crate::support::process::{PROGRAM, minitwit};

/// A listener that must not receive a connection, and its URL.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    (listener, base)
}

#[track_caller]
fn assert_rejected(mut command: Command, listener: &TcpListener, complaints: &[&str]) {
    let output = command.output().expect("it runs");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{errors}");
    for complaint in complaints {
        assert!(errors.contains(complaint), "{complaint}: {errors}");
    }
    let no_connection = listener.accept().expect_err("nothing is sent");
    assert_eq!(no_connection.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_malformed_line_is_named_by_file_and_number() {
    let files = Files::new();
    let scenario = files.path("bad.tsv");
    let good = "0\t0\t0\tregister\tann\ta@a\tp\n1\t0\t0\ttweet\tann\thello\n";
    fs::write(&scenario, format!("{good}2\t0\t0\tretweet\tann\thello\n{good}")).expect("written");
    let (listener, base) = listener();
    let complaints = ["--scenario", "bad.tsv, line 3: the command must be", "\"retweet\""];
    let command = minitwit(&["simulate", &base, "--verify", "--scenario", text(&scenario)]);
    assert_rejected(command, &listener, &complaints);
    fs::write(&scenario, "").expect("written");
    let command = minitwit(&["simulate", &base, "--scenario", text(&scenario)]);
    assert_rejected(command, &listener, &["bad.tsv has no commands"]);
    let command = minitwit(&["simulate", &base, "--scenario", "/does/not/exist"]);
    assert_rejected(command, &listener, &["--scenario", "/does/not/exist", "No such file"]);
}

#[test]
fn an_impossible_plan_or_report_path_is_rejected() {
    let (listener, base) = listener();
    let command = minitwit(&["simulate", &base, "--commands", "10", "--users", "11"]);
    assert_rejected(command, &listener, &["11 users cannot register in 10 commands"]);
    let command = minitwit(&["simulate", &base, "--json", "/does/not/exist.json"]);
    assert_rejected(command, &listener, &["--json /does/not/exist.json"]);
    let command = minitwit(&["simulate", "localhost:5001"]);
    assert_rejected(command, &listener, &["\"localhost:5001\" is no base URL"]);
}

#[test]
fn a_rate_above_the_limit_of_open_files_is_rejected() {
    let (listener, base) = listener();
    let mut command = Command::new("sh");
    let script = "ulimit -n 300; exec \"$@\"";
    command.args(["-c", script, "sh", PROGRAM, "simulate", &base, "--rate", "1000"]);
    assert_rejected(command, &listener, &["may need 364 connections", "ulimit -n"]);
}

#[test]
fn without_a_server_each_command_is_a_connection_error() {
    let (listener, base) = listener();
    drop(listener);
    let files = Files::new();
    let output = files.command(&base, &["--commands", "20", "--verify"]).output().expect("it runs");
    let run = files.read(output);
    assert_eq!(run.code, Some(1));
    run.assert_errors("all", &json!({"ConnectionError": 20}));
    assert_eq!(run.json["commands"]["all"]["p50_ms"], Value::Null);
    assert_ne!(run.json["verification"]["unverifiable"], json!([]));
    run.assert_table_agrees();
}
