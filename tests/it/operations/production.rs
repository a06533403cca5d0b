//! `--production`, which requires every secret to be set, and secrets in files.

use std::{fs, process::Command};

use nix::sys::signal::Signal;
use reqwest::Method;

use crate::support::{
    actors::{Browser, Simulator, TestResponse},
    cluster::TestDatabase,
    process::{ServerProcess, minitwit},
};

const WARNING: &str = "the simulator's password is the default";

#[track_caller]
fn startup_error(mut command: Command) -> String {
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test]
async fn production_rejects_default_secrets() {
    let database = TestDatabase::fresh().await;
    let text = startup_error(minitwit(&["serve", "--production"]));
    assert!(text.contains("--production"), "{text}");
    assert!(text.contains("--database-url") && text.contains("--simulator-password"), "{text}");

    let text =
        startup_error(minitwit(&["serve", "--production", "--database-url", &database.url()]));
    assert!(!text.contains("--database-url") && text.contains("--simulator-password"), "{text}");

    let url = database.url();
    let empty = ["serve", "--production", "--database-url", &url, "--simulator-password", ""];
    let text = startup_error(minitwit(&empty));
    assert!(text.contains("--simulator-password"), "an empty password does not count: {text}");
    let mut command = minitwit(&["serve", "--simulator-password", "hunter2"]);
    command.env("MINITWIT_PRODUCTION", "true");
    let text = startup_error(command);
    assert!(text.contains("--database-url") && !text.contains("--simulator-password"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn production_serves_with_every_secret_set() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let set = ["--production", "--database-url", &url, "--simulator-password"];
    let mut serving = ServerProcess::start(&[&set[..], &["a secret"]].concat());
    let form = [("username", "ann"), ("password", "x"), ("password2", "x"), ("email", "a@b")];
    let page = Browser::new(serving.base.clone()).post("/register", &form).await;
    page.says("The password must be at least 8 characters long");
    assert!(serving.end(Signal::SIGTERM).success());
    assert!(!serving.output().contains(WARNING), "{}", serving.output());
}

#[tokio::test]
async fn the_password_of_the_contract_is_allowed_with_a_warning() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let set = ["--production", "--database-url", &url, "--simulator-password"];
    let mut serving = ServerProcess::start(&[&set[..], &["super_safe!"]].concat());
    assert!(serving.end(Signal::SIGTERM).success());
    assert!(serving.output().contains(WARNING), "{}", serving.output());

    // Outside production it is the default and needs no warning.
    let mut serving = ServerProcess::start(&["--database-url", &url]);
    assert!(serving.end(Signal::SIGTERM).success());
    assert!(!serving.output().contains(WARNING), "{}", serving.output());
}

#[tokio::test]
async fn a_secret_can_be_in_a_file() {
    let database = TestDatabase::fresh().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("password");
    fs::write(&file, "from a file\n").expect("written");
    let file = file.to_str().expect("text");
    let url = database.url();
    // The test's PostgreSQL ignores passwords.
    let serving = ServerProcess::start(&[
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
    let response = TestResponse::of(request.basic_auth("simulator", Some("from a file"))).await;
    assert_eq!(response.status, 200, "{response:?}");
    simulator.get("/msgs").await.failure(403);
}

#[test]
fn a_secret_with_two_values_is_rejected() {
    for arguments in [
        ["--simulator-password=a", "--simulator-password-file=Cargo.toml"],
        ["--simulator-password=a", "--database-password-file=Cargo.toml"],
    ] {
        let output = minitwit(&[&["serve"], &arguments[..]].concat()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
