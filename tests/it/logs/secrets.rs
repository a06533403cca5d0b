//! Secrets that no log may contain.

use reqwest::Method;
use serde_json::{Value, json};

use super::{actors, events_until, with_message};
use crate::support::{
    actors::{Browser, TestResponse, encode},
    cluster::TestDatabase,
    eventually,
    process::ServerProcess,
};

/// Secrets that [`send_secrets`] sends and no log may contain.
const PASSWORDS: [&str; 5] = ["pW-first", "pW-second", "pW-wrong", "pW-rejected", "super_safe!"];
/// What clients send and only the file of rejected commands may contain.
const PRIVATE: [&str; 3] = ["someone@example.org", "a@b", "pT-lost"];
const AUTHORIZATION: &str = "c2ltdWxhdG9yOnN1cGVyX3NhZmUh";

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
