//! Rejected requests and commands of the simulator: their log lines, and the file of rejected commands.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use super::{actors, events_until, with_message};
use crate::support::{
    actors::TestResponse, cluster::TestDatabase, eventually, process::ServerProcess,
};

/// The lines of the file of rejected commands, once there are as many as expected.
async fn recorded(file: &Path, expected: usize) -> Vec<Value> {
    eventually("the recorded commands", async || {
        let text = fs::read_to_string(file).ok()?;
        let lines: Vec<Value> =
            text.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
        (lines.len() >= expected).then_some(lines)
    })
    .await
}

#[tokio::test]
async fn a_rejected_command_is_recorded_for_a_repair_and_logged_without_private_data() {
    let database = TestDatabase::fresh().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rejected.jsonl");
    let file_name = file.to_str().expect("text");
    let serving = ServerProcess::start(&[
        "--database-url",
        &database.url(),
        "--log-format",
        "json",
        "--rejected-commands",
        file_name,
    ]);
    let (_, simulator) = actors(&serving);
    let odd = "crab 🦀 \"\n{\"message\":\"forged\"}";
    for name in ["alice", "bob"] {
        simulator.register(name).await;
    }
    let user = json!({"username": "bob", "email": "bob@example.org", "pwd": "pW-rejected"});
    let rejected = [
        (
            simulator.post("/register?latest=1", user).await,
            json!({"command": "register", "username": "bob", "email": "bob@example.org",
                   "status": 400, "reason": "The username is already taken"}),
        ),
        (
            simulator.tweet("nobody here", odd).await,
            json!({"command": "tweet", "username": "nobody here", "text": odd, "status": 404,
                   "reason": "There is no user named nobody here"}),
        ),
        (
            simulator.follow("alice", "lost one").await,
            json!({"command": "follow", "username": "alice", "followee": "lost one",
                   "status": 404, "reason": "There is no user named lost one"}),
        ),
        (
            simulator.unfollow("lost one", "bob").await,
            json!({"command": "unfollow", "username": "lost one", "followee": "bob",
                   "status": 404, "reason": "There is no user named lost one"}),
        ),
        (
            simulator.post("/fllws/alice", json!({})).await,
            json!({"command": "follow_or_unfollow", "username": "alice", "status": 400,
                   "reason": "Exactly one of the fields follow and unfollow must be given"}),
        ),
        (
            simulator.post("/fllws/alice", json!([])).await,
            json!({"command": "follow_or_unfollow", "path": "/fllws/alice", "status": 400,
                   "reason": "body: must be a JSON object"}),
        ),
    ];
    let events = events_until(&serving, &rejected[5].0).await;
    let lines = with_message(&events, "command rejected");
    assert_eq!(lines.len(), 5, "{lines:?}");
    let recorded = recorded(&file, rejected.len()).await;
    assert_eq!(recorded.len(), rejected.len(), "{recorded:?}");
    for (line, (response, expected)) in recorded.iter().zip(&rejected) {
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(&line[field], value, "{line}");
        }
        assert_eq!(line["request_id"], response.header("x-request-id"), "{line}");
        assert_eq!(line["authenticated"], true);
        assert!(line["time"].as_str().is_some_and(|it| it.ends_with('Z')), "{line}");
    }
    for (line, (response, expected)) in lines.iter().zip(&rejected) {
        for field in ["command", "username", "followee", "status", "reason"] {
            assert_eq!(line.get(field), expected.get(field), "{line}");
        }
        assert_eq!(line["request_id"], response.header("x-request-id"), "{line}");
        assert_eq!(line["level"], "WARN");
    }
    assert!(with_message(&events, "forged").is_empty());
    for private in ["bob@example.org", "crab"] {
        assert!(!serving.output().contains(private), "{private} is in the log");
    }
    let text = fs::read_to_string(&file).expect("the file");
    assert!(!text.contains("pW-rejected"), "{text}");
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn rejected_commands_are_recorded_in_the_data_directory_by_default() {
    let directory = tempfile::Builder::new().prefix("minitwit-").tempdir().expect("a directory");
    let data = directory.path().join("data");
    let mut serving = ServerProcess::start(&["--data-dir", data.to_str().expect("text")]);
    let (_, simulator) = actors(&serving);
    simulator.tweet("nobody", "hello").await.failure(404);
    assert!(serving.end(Signal::SIGTERM).success());
    let file = data.join("rejected-commands.jsonl");
    let text = fs::read_to_string(&file).expect("written before the exit");
    assert!(text.contains("\"text\":\"hello\""), "{text}");
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_request_rejected_before_its_operation_is_logged_with_the_request_id() {
    let database = TestDatabase::fresh().await;
    let serving =
        ServerProcess::start(&["--database-url", &database.url(), "--log-format", "json"]);
    let (_, simulator) = actors(&serving);
    let response = TestResponse::of(simulator.bare_request(Method::GET, "/msgs")).await;
    response.failure(403);
    let events = events_until(&serving, &response).await;
    let [rejected] = with_message(&events, "request rejected")[..] else { panic!("{events:?}") };
    assert_eq!(rejected["status"], 403);
    assert_eq!(rejected["request_id"], response.header("x-request-id"));
}
