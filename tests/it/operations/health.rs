//! Whether a server lives, and whether it is ready.

use std::time::Duration;

use serde_json::json;

use crate::support::{App, actors::Answer, cluster::TestDatabase};

async fn not_ready(app: &App) -> String {
    let answer = app.anonymous().get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("retry-after"), "1");
    let body = answer.json();
    let reason = body["reason"].as_str().expect("a reason").to_owned();
    assert_eq!(body, json!({"status": "not ready", "reason": reason}));
    reason
}

async fn lives(app: &App) {
    let answer = app.anonymous().get("/healthz").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_server_on_its_schema_is_ready() {
    let app = App::start().await;
    lives(&app).await;
    let answer = app.anonymous().get("/readyz").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ready"})));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_program_that_is_too_old_says_what_the_schema_needs() {
    let app = App::start().await;
    app.execute("INSERT INTO program_compatibility VALUES (1000, '99.0.0')").await;
    let reason = not_ready(&app).await;
    assert!(reason.contains("99.0.0") && reason.contains("V1000"), "{reason}");
    assert!(reason.contains(env!("CARGO_PKG_VERSION")), "{reason}");
    lives(&app).await;

    app.execute("UPDATE program_compatibility SET oldest_program = '0.0.1'").await;
    assert_eq!(app.anonymous().get("/readyz").await.status, 200, "ready again by itself");
}

#[tokio::test]
async fn a_schema_that_is_behind_says_what_to_run() {
    let app = App::start_on(TestDatabase::empty().await).await;
    let reason = not_ready(&app).await;
    assert!(reason.contains("pending") && reason.contains("minitwit migrate"), "{reason}");
    lives(&app).await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_no_secret_told() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        // Nothing listens on the port of one's own that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = port.expect("a free port").port();
        settings.database = settings.database.clone().host("127.0.0.1").port(port);
        settings.pool.acquire_timeout = Duration::from_secs(1);
    })
    .await;
    assert_eq!(not_ready(&app).await, "the database cannot be used");
    lives(&app).await;

    let page = app.anonymous().get("/public").await;
    assert_eq!((page.status, page.header("retry-after")), (503, "5"));
    page.says("<h2>Service Unavailable</h2>").does_not_say("onnection");
    let answer: Answer = app.simulator().get("/msgs").await;
    answer.failure(503);
    assert_eq!(answer.header("retry-after"), "1");
    answer.does_not_say("onnection").does_not_say("127.0.0.1");
}
