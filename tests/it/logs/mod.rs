//! The log: its lines and fields.

mod every_command;
mod rejected;
mod secrets;
mod streams;

use nix::sys::signal::Signal;
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

#[tokio::test]
async fn an_internal_error_is_logged_once_with_its_cause() {
    let database = TestDatabase::fresh().await;
    let serving =
        ServerProcess::start(&["--database-url", &database.url(), "--log-format", "json"]);
    let (browser, simulator) = actors(&serving);
    simulator.register("alice").await;
    browser.sign_in("alice").await;
    let mut connection = database.connect().await;
    sqlx::raw_sql("ALTER TABLE messages RENAME TO moved; DROP TABLE simulator_latest")
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
        ("alice", long.as_str(), 1),
        ("nobody", long.as_str(), 1),
        ("alice", "", 1),
        ("nobody", "", 1),
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
