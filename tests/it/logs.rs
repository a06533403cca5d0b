//! The log: its lines and fields, and the secrets that it must not contain.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    actors::{ApiClient, Browser, Simulator, TestResponse, encode},
    cluster::TestDatabase,
    eventually,
    process::ServerProcess,
};

/// Secrets that [`send_secrets`] sends and no log may contain.
const PASSWORDS: [&str; 5] = ["pW-first", "pW-second", "pW-wrong", "pW-rejected", "super_safe!"];
/// What clients send and only the file of rejected commands may contain.
const PRIVATE: [&str; 3] = ["someone@example.org", "a@b", "pT-lost"];
const AUTHORIZATION: &str = "c2ltdWxhdG9yOnN1cGVyX3NhZmUh";

fn actors(serving: &ServerProcess) -> (Browser, Simulator) {
    (Browser::new(serving.base.clone()), Simulator::new(format!("{}/sim", serving.base)))
}

/// The lines of a log in JSON.
fn events(serving: &ServerProcess) -> Vec<Value> {
    let output = serving.output();
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    output.lines().map(parse).collect()
}

/// Waits for the access log line of `response`. Returns all lines.
async fn events_until(serving: &ServerProcess, response: &TestResponse) -> Vec<Value> {
    let id = response.header("x-request-id");
    eventually("the request's line", async || {
        let output = serving.output();
        let is_logged = output.lines().any(|it| it.contains(id) && it.contains("duration_ms"));
        is_logged.then(|| events(serving))
    })
    .await
}

fn with_message<'a>(events: &'a [Value], message: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["message"] == message).collect()
}

#[tokio::test]
async fn each_request_has_one_json_line() {
    let serving = ServerProcess::start(&["--ephemeral", "--log-format", "json"]);
    let (browser, simulator) = actors(&serving);
    // Successful readiness checks are not logged, because a proxy sends one every second.
    assert_eq!(browser.get("/readyz").await.status, 200);
    let requests = [
        (simulator.register("alice b").await, "POST", "/sim/register", "/sim/register", 204),
        (
            simulator.get("/msgs/alice%20b?latest=7").await,
            "GET",
            "/sim/msgs/alice%20b",
            "/sim/msgs/{username}",
            200,
        ),
        (browser.get("//alice%20b/").await, "GET", "/alice%20b", "/{username}", 200),
        (browser.get("/nobody").await, "GET", "/nobody", "/{username}", 404),
        (browser.get("/a/b/c").await, "GET", "/a/b/c", "unmatched", 404),
        (browser.post("/add_message", &[]).await, "POST", "/add_message", "/add_message", 401),
        (browser.get("/healthz").await, "GET", "/healthz", "/healthz", 200),
    ];
    let events = events_until(&serving, &requests[6].0).await;
    let lines = with_message(&events, "request");
    assert_eq!(lines.len(), requests.len(), "{lines:?}");
    for (line, (response, method, path, route, status)) in lines.iter().zip(&requests) {
        assert_eq!(response.status, *status);
        assert_eq!(line["request_id"], response.header("x-request-id"));
        assert_eq!(line["method"], *method);
        assert_eq!(line["path"], *path);
        assert_eq!(line["route"], *route);
        assert_eq!(line["status"], *status);
        assert_eq!(line["client"], "127.0.0.1");
        assert_eq!(line["level"], "INFO");
        assert!(line["duration_ms"].as_f64().is_some_and(|it| it > 0.0), "{line}");
        assert!(line["timestamp"].as_str().is_some_and(|it| it.ends_with('Z')), "{line}");
    }
}

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
async fn an_internal_error_is_logged_once_with_its_cause() {
    let database = TestDatabase::fresh().await;
    let serving =
        ServerProcess::start(&["--database-url", &database.url(), "--log-format", "json"]);
    let (browser, simulator) = actors(&serving);
    simulator.register("alice").await;
    browser.sign_in("alice").await;
    let mut connection = database.connect().await;
    sqlx::raw_sql("DROP TABLE messages, simulator_latest")
        .execute(&mut connection)
        .await
        .expect("dropped");
    let failures = [
        simulator.tweet("alice", "lost text").await,
        simulator.post("/msgs/alice?latest=7", json!({"content": "lost text"})).await,
        simulator.get("/msgs").await,
        browser.get("/public").await,
        browser.post("/add_message", &[("text", "lost text")]).await,
    ];
    let latest = simulator.get("/fllws/alice?latest=7").await;
    let events = events_until(&serving, &latest).await;
    for (failure, table) in
        failures.iter().zip(["messages"; 5]).chain([(&latest, "simulator_latest")])
    {
        assert_eq!(failure.status, 500, "{failure:?}");
        let id = failure.header("x-request-id");
        let lines: Vec<_> = events
            .iter()
            .filter(|it| it["request_id"] == id && it["message"] != "request")
            .collect();
        let [line] = lines[..] else { panic!("{lines:#?}") };
        assert_eq!((&line["message"], &line["level"]), (&json!("request failed"), &json!("ERROR")));
        let cause = line["cause"].as_str().expect("a cause");
        assert!(cause.contains(&format!("relation \"{table}\" does not exist")), "{cause}");
    }
    assert!(!serving.output().contains("lost text"));
}

#[tokio::test]
async fn a_long_path_is_cut() {
    let serving = ServerProcess::start(&["--ephemeral", "--log-format", "json"]);
    let (browser, simulator) = actors(&serving);
    let long = "é".repeat(3_000);
    let responses = [
        browser.get(&format!("/{}", "a".repeat(5_000))).await,
        browser.get(&format!("/{}", encode(&long))).await,
        simulator.tweet(&long, "hello").await,
        simulator.post(&format!("/msgs/{}", encode(&long)), json!([])).await,
        simulator.follow("alice", &long).await,
    ];
    let events = events_until(&serving, &responses[4]).await;
    for event in &events {
        for (field, value) in event.as_object().expect("an object") {
            let length = value.as_str().map_or(0, str::len);
            assert!(length <= 1_024, "{field} has {length} bytes");
        }
    }
    let paths = with_message(&events, "request");
    assert_eq!(paths[0]["path"], format!("/{}", "a".repeat(1_023)));
}

/// The number of passwords that the server has hashed or verified.
async fn hashed(browser: &Browser) -> u64 {
    let metrics = browser.get("/metrics").await.body;
    let name = "minitwit_password_hashing_duration_seconds_count ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.parse().expect("a number"))
}

/// The duration would reveal which names exist, and hashing takes most of it.
#[tokio::test]
async fn a_sign_in_hashes_one_password_whether_or_not_the_name_is_known() {
    let database = TestDatabase::fresh().await;
    let serving = ServerProcess::start(&["--database-url", &database.url()]);
    let browser = Browser::new(serving.base.clone());
    browser.sign_up("alice").await;
    let api = ApiClient::new(serving.base.clone());
    let long = "x".repeat(73);
    for (name, password, expected) in [
        ("alice", "wrong", 1),
        ("nobody", "wrong", 1),
        ("no/body", "wrong", 1),
        ("", "wrong", 1),
        ("alice", long.as_str(), 0),
        ("nobody", long.as_str(), 0),
        ("alice", "", 0),
        ("nobody", "", 0),
    ] {
        let before = hashed(&browser).await;
        let page = browser.post("/login", &[("username", name), ("password", password)]).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(hashed(&browser).await - before, expected, "{name:?} on the page");
        let before = hashed(&browser).await;
        let answer = api.make_token(name, password).await;
        assert!([401, 422].contains(&answer.status), "{answer:?}");
        if answer.status == 401 {
            assert_eq!(hashed(&browser).await - before, expected, "{name:?} through the API");
        }
    }
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
    let [rejected] = with_message(&events, "request refused")[..] else { panic!("{events:?}") };
    assert_eq!(rejected["status"], 403);
    assert_eq!(rejected["request_id"], response.header("x-request-id"));
}

/// Sends every secret in every place where a client may send it. Returns the last response and a session
/// token, which is secret as well.
async fn send_secrets(serving: &ServerProcess) -> (TestResponse, String) {
    let (browser, simulator) = actors(serving);
    let user = |name: &str, password: Value| json!({"username": name, "email": "someone@example.org", "pwd": password});
    simulator.post("/register?pwd=pW-first", user("alice", json!("pW-first"))).await;
    simulator.post("/register", user("alice", json!("pW-rejected"))).await;
    simulator.post("/register", user("login", json!("pW-rejected"))).await;
    simulator.post("/register", user("bob", json!("pW-rejected".repeat(8)))).await;
    simulator.post("/register", user("bob", json!(["pW-rejected"]))).await;
    simulator.post("/register", json!("pW-rejected")).await;
    simulator.post("/register?latest=x", user("bob", json!("pW-rejected"))).await;
    let wrong = simulator.bare_request(Method::POST, "/msgs/alice");
    let wrong = wrong.basic_auth("simulator", Some("pW-wrong")).json(&json!({"content": "x"}));
    TestResponse::of(wrong).await.failure(403);
    simulator.tweet("nobody", "pT-lost").await;

    let sign_up = |name, password, password2| {
        let fields = [
            ("username", name),
            ("email", "a@b"),
            ("password", password),
            ("password2", password2),
        ];
        async move { browser_form(serving, "/register", &fields).await }
    };
    sign_up("carol", "pW-second", "pW-rejected").await;
    sign_up("carol", "pW-second", "pW-second").await;
    sign_up("carol", "pW-rejected", "pW-rejected").await;
    browser.post("/login", &[("username", "carol"), ("password", "pW-wrong")]).await;
    browser.get("/login?username=carol&password=pW-second").await;
    let response =
        browser.post("/login", &[("username", "carol"), ("password", "pW-second")]).await;
    let mut cookies = response.headers.get_all("set-cookie").iter();
    let session = cookies.find_map(|it| it.to_str().ok()?.strip_prefix("session_")?.get(9..));
    let session = session.and_then(|it| it.split(';').next()).expect("a session").to_owned();
    browser.say("hello").await;
    browser.get(&format!("/{}", encode("carol"))).await;
    browser.post("/add_message", &[("text", "")]).await;
    let forged = Browser::new(serving.base.clone());
    let forged = forged.request(Method::GET, "/public").header("cookie", "session=pW-wrong");
    TestResponse::of(forged).await;
    (browser.post("/logout", &[]).await, session)
}

async fn browser_form(
    serving: &ServerProcess,
    path: &str,
    fields: &[(&str, &str)],
) -> TestResponse {
    Browser::new(serving.base.clone()).post(path, fields).await
}

#[track_caller]
fn assert_no_secret(output: &str, session: &str) {
    assert_eq!(session.len(), 43);
    for secret in PASSWORDS.iter().chain(&PRIVATE).chain(&[session, AUTHORIZATION, "$2b$"]) {
        assert!(!output.contains(secret), "{secret} is in {output}");
    }
}

#[tokio::test]
async fn no_secret_is_logged_in_json() {
    let serving = ServerProcess::start(&["--ephemeral", "--log-format", "json"]);
    let (last, session) = send_secrets(&serving).await;
    let events = events_until(&serving, &last).await;
    assert_eq!(with_message(&events, "request").len(), 21);
    assert_no_secret(&serving.output(), &session);
}

#[tokio::test]
async fn no_secret_is_logged_in_text_at_debug_level() {
    let database = TestDatabase::fresh().await;
    let serving = ServerProcess::start(&["--database-url", &database.url(), "--log", "debug"]);
    let (last, session) = send_secrets(&serving).await;
    let output = eventually("the request's line", async || {
        let output = serving.output();
        let id = format!("request_id={}", last.header("x-request-id"));
        output.lines().any(|it| it.contains(&id) && it.contains("duration_ms")).then_some(output)
    })
    .await;
    assert_no_secret(&output, &session);
    assert!(output.contains("MiniTwit is serving"), "{output}");
    let lost = "command=\"tweet\" status=404 reason=\"There is no user named nobody\"";
    assert!(output.contains(lost), "{output}");
    assert!(!output.contains('\u{1b}'), "no colours where there is no terminal");
}

#[tokio::test]
async fn the_last_lines_are_written_before_exit() {
    let database = TestDatabase::fresh().await;
    let mut serving =
        ServerProcess::start(&["--database-url", &database.url(), "--log-format", "json"]);
    let (browser, _) = actors(&serving);
    let responses = [browser.get("/public").await, browser.get("/healthz").await];
    assert!(serving.end(Signal::SIGTERM).success());
    let events = eventually("the last line", async || {
        let events = events(&serving);
        events.last().is_some_and(|it| it["message"] == "stopped").then_some(events)
    })
    .await;
    let ids: Vec<_> =
        with_message(&events, "request").iter().map(|it| it["request_id"].clone()).collect();
    assert_eq!(ids, responses.map(|it| json!(it.header("x-request-id"))));
}

/// More requests than log lines fit into the pipe and the queue of the writing thread.
const MORE_THAN_BUFFERED: usize = 20_000;

#[tokio::test]
async fn a_stalled_log_reader_delays_neither_requests_nor_the_shutdown() {
    let database = TestDatabase::fresh().await;
    let mut serving = ServerProcess::start(&["--database-url", &database.url()]);
    let stall = serving.stall();
    let address = serving.base.strip_prefix("http://").expect("a base URL");
    let mut client = TcpStream::connect(address).await.expect("connected");
    let request = b"GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut responses = Vec::new();
    for _ in 0..MORE_THAN_BUFFERED / 100 {
        client.write_all(&request.repeat(100)).await.expect("open");
        let begun = responses.len();
        while count(&responses[begun..], b"HTTP/1.1 302 ") < 100 {
            assert!(client.read_buf(&mut responses).await.expect("open") > 0, "responses");
        }
    }
    assert!(serving.end(Signal::SIGTERM).success());
    drop(stall);
}

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}
