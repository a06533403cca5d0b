//! Error responses: what they show to clients, and what they hide.

use reqwest::{Method, header};
use serde_json::json;

use crate::support::{
    App,
    actors::{Browser, TestResponse},
};

/// Words that reveal libraries, the language or the database.
const INTERNALS: &[&str] = &[
    "poem",
    "serde",
    "sqlx",
    "tera",
    "tokio",
    "hyper",
    "panick",
    "src/",
    ".rs",
    "relation",
    "SELECT",
    "INSERT",
    "postgres",
    "PgDatabase",
    "constraint",
    "at line",
    "column",
    "Some(",
    "None",
    "Err(",
    "param0",
    "::",
];

#[track_caller]
fn assert_no_internals(response: &TestResponse) {
    for word in INTERNALS {
        response.does_not_say(word);
    }
}

#[track_caller]
fn assert_internal_error_page(page: &TestResponse) {
    assert_eq!(page.status, 500, "{page:?}");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    page.says("<h2>Internal Server Error</h2>")
        .says(&format!("<code>{}</code>", page.header("x-request-id")));
    assert_no_internals(page);
}

#[track_caller]
fn assert_internal_error_json(response: &TestResponse) {
    let text = response.failure(500);
    let id = response.header("x-request-id");
    assert_eq!(text, format!("Internal Server Error (request {id})"));
}

#[tokio::test]
async fn an_internal_error_shows_only_the_request_id() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let simulator = app.simulator();
    app.execute("ALTER TABLE messages RENAME TO moved").await;
    for page in [
        alice.get("/").await,
        alice.get("/public").await,
        alice.get("/alice").await,
        app.anonymous().get("/public").await,
        alice.post("/add_message", &[("text", "hello")]).await,
        alice.post("/add_message", &[("text", "")]).await,
    ] {
        assert_internal_error_page(&page);
    }
    for simulator in [simulator, app.simulator_at_root()] {
        assert_internal_error_json(&simulator.get("/msgs").await);
        assert_internal_error_json(&simulator.get("/msgs/alice?latest=5").await);
        assert_internal_error_json(&simulator.tweet("alice", "hello").await);
        assert_eq!(simulator.latest().await, 5, "a failed request sets latest, too");
    }
}

#[tokio::test]
async fn a_failed_write_of_latest_fails_the_request() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("alice").await;
    app.execute("DROP TABLE simulator_latest").await;
    assert_internal_error_json(&simulator.get("/latest").await);
    assert_internal_error_json(&simulator.get("/msgs?latest=5").await);
    assert_eq!(simulator.get("/msgs").await.status, 200);
}

#[tokio::test]
async fn a_failure_during_registration_or_sign_in_is_an_internal_error() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.execute("ALTER TABLE sessions RENAME TO former").await;
    let login = [("username", "alice"), ("password", "secret")];
    for page in [
        alice.get("/").await,
        alice.post("/logout", &[]).await,
        alice.get("/nobody").await,
        app.anonymous().post("/login", &login).await,
    ] {
        assert_internal_error_page(&page);
    }
    app.execute("ALTER TABLE users RENAME TO others").await;
    let register = [("username", "b"), ("email", "b@c"), ("password", "x"), ("password2", "x")];
    assert_internal_error_page(&app.anonymous().post("/register", &register).await);
    assert_internal_error_json(&app.simulator().register("bob").await);
    assert_internal_error_json(&app.simulator().follow("alice", "bob").await);
}

async fn rejected_pages(browser: &Browser) -> Vec<TestResponse> {
    let json = |path| {
        let request = browser.request(Method::POST, path).body("{}");
        TestResponse::of(request.header(header::CONTENT_TYPE, "application/json"))
    };
    let bytes = browser.request(Method::POST, "/add_message").body(b"text=%FF\xff&text=2".to_vec());
    let bytes = bytes.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    vec![
        browser.get("/public?before=x").await,
        browser.get("/public?before=1&before=2").await,
        browser.get("/nobody").await,
        browser.get("/a/b/c").await,
        browser.get("/static/../Cargo.toml").await,
        browser.get("/static/%2E%2E%2FCargo.toml").await,
        browser.get("/%FF%FE").await,
        browser.post("/public", &[]).await,
        json("/add_message").await,
        TestResponse::of(bytes).await,
    ]
}

#[tokio::test]
async fn a_client_error_shows_no_internals() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for browser in [&alice, &app.anonymous()] {
        for page in rejected_pages(browser).await {
            assert!((400..500).contains(&page.status), "{page:?}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            assert_no_internals(&page);
        }
    }
    let simulator = app.simulator();
    let text = |path, content_type, body: &'static [u8]| {
        let request = simulator.request(Method::POST, path).body(body);
        TestResponse::of(request.header(header::CONTENT_TYPE, content_type))
    };
    for response in [
        simulator.get("/msgs?no=x").await,
        simulator.get("/msgs?latest=x").await,
        simulator.get("/msgs/nobody").await,
        simulator.get("/nothing").await,
        simulator.get("/msgs/%FF%FE").await,
        simulator.post("/latest", json!({})).await,
        simulator.post("/register", json!({"username": 5})).await,
        simulator.post("/register", json!([])).await,
        simulator.post("/fllws/alice", json!({})).await,
        text("/register", "application/json", b"{\"username\": \xff}").await,
        text("/register", "application/json", b"{").await,
        text("/register", "text/plain", b"hello").await,
        text("/msgs/alice", "multipart/form-data", b"").await,
    ] {
        response.failure(response.status);
        assert!((400..500).contains(&response.status), "{response:?}");
        assert_no_internals(&response);
    }
}
