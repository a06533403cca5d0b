//! `--production`, which wants every secret set, and secrets in files.

use std::{fs, process::Command};

use nix::sys::signal::Signal;
use reqwest::Method;

use crate::support::{
    actors::{Answer, Simulator},
    cluster::TestDatabase,
    process::{Serving, minitwit},
};

const WARNING: &str = "the simulator's password is the contract's";

#[track_caller]
fn refusal(mut command: Command) -> String {
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test]
async fn no_secret_may_be_a_default() {
    let database = TestDatabase::fresh().await;
    let text = refusal(minitwit(&["serve", "--production"]));
    assert!(text.contains("--production"), "{text}");
    assert!(text.contains("--database-url") && text.contains("--simulator-password"), "{text}");

    let text = refusal(minitwit(&["serve", "--production", "--database-url", &database.url()]));
    assert!(!text.contains("--database-url") && text.contains("--simulator-password"), "{text}");

    let url = database.url();
    let empty = ["serve", "--production", "--database-url", &url, "--simulator-password", ""];
    let text = refusal(minitwit(&empty));
    assert!(text.contains("--simulator-password"), "an empty one is none: {text}");
    let mut command = minitwit(&["serve", "--simulator-password", "hunter2"]);
    command.env("MINITWIT_PRODUCTION", "true");
    let text = refusal(command);
    assert!(text.contains("--database-url") && !text.contains("--simulator-password"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn with_every_secret_set_it_serves() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let set = ["--production", "--database-url", &url, "--simulator-password"];
    let mut serving = Serving::start(&[&set[..], &["a secret"]].concat());
    assert!(serving.end(Signal::SIGTERM).success());
    assert!(!serving.output().contains(WARNING), "{}", serving.output());
}

#[tokio::test]
async fn the_contracts_password_may_be_set_and_is_warned_of() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let set = ["--production", "--database-url", &url, "--simulator-password"];
    let mut serving = Serving::start(&[&set[..], &["super_safe!"]].concat());
    assert!(serving.end(Signal::SIGTERM).success());
    assert!(serving.output().contains(WARNING), "{}", serving.output());

    // Elsewhere it is what everybody expects.
    let mut serving = Serving::start(&["--database-url", &url]);
    assert!(serving.end(Signal::SIGTERM).success());
    assert!(!serving.output().contains(WARNING), "{}", serving.output());
}

#[tokio::test]
async fn a_secret_may_be_in_a_file() {
    let database = TestDatabase::fresh().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("password");
    fs::write(&file, "from a file\n").expect("written");
    let file = file.to_str().expect("text");
    let url = database.url();
    // The test's PostgreSQL asks for no password, and ignores one.
    let serving = Serving::start(&[
        "--production",
        "--database-url",
        &url,
        "--database-password-file",
        file,
        "--simulator-password-file",
        file,
    ]);
    let simulator = Simulator::new(format!("{}/sim", serving.base));
    let request = simulator.bare_request(Method::GET, "/msgs");
    let answer = Answer::of(request.basic_auth("simulator", Some("from a file"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    simulator.get("/msgs").await.failure(403);
}

#[test]
fn two_secrets_where_one_is_meant_are_refused() {
    for arguments in [
        ["--simulator-password=a", "--simulator-password-file=Cargo.toml"],
        ["--simulator-password=a", "--database-password-file=Cargo.toml"],
    ] {
        let output = minitwit(&[&["serve"], &arguments[..]].concat()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
