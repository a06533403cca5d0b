//! Liveness and readiness.

use std::time::Duration;

use serde_json::json;

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

async fn reason_not_ready(app: &App) -> String {
    let response = app.anonymous().get("/readyz").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("retry-after"), "2");
    let body = response.json();
    let reason = body["reason"].as_str().expect("a reason").to_owned();
    assert_eq!(body, json!({"status": "not ready", "reason": reason}));
    reason
}

async fn assert_alive(app: &App) {
    let response = app.anonymous().get("/healthz").await;
    assert_eq!((response.status, response.json()), (200, json!({"status": "ok"})));
    assert_eq!(response.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_server_with_a_current_schema_is_ready() {
    let app = App::start().await;
    assert_alive(&app).await;
    let response = app.anonymous().get("/readyz").await;
    assert_eq!((response.status, response.json()), (200, json!({"status": "ready"})));
    assert_eq!(response.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_program_that_is_too_old_reports_the_version_that_the_schema_needs() {
    let app = App::start().await;
    app.execute("INSERT INTO program_compatibility VALUES (1000, '99.0.0')").await;
    let reason = reason_not_ready(&app).await;
    assert!(reason.contains("99.0.0") && reason.contains("V1000"), "{reason}");
    assert!(reason.contains(env!("CARGO_PKG_VERSION")), "{reason}");
    assert_alive(&app).await;

    app.execute("UPDATE program_compatibility SET oldest_program = '0.0.1'").await;
    assert_eq!(app.anonymous().get("/readyz").await.status, 200, "ready again without a restart");
}

#[tokio::test]
async fn an_outdated_schema_is_reported_with_the_command_to_run() {
    let app = App::start_on(TestDatabase::empty().await).await;
    let reason = reason_not_ready(&app).await;
    assert!(reason.contains("pending") && reason.contains("minitwit migrate"), "{reason}");
    assert_alive(&app).await;
}

#[tokio::test]
async fn an_unreachable_database_is_reported_without_internals() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        // A port that was free a moment ago has no listener.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = port.expect("a free port").port();
        settings.database = settings.database.clone().host("127.0.0.1").port(port);
        settings.pool.acquire_timeout = Duration::from_secs(1);
    })
    .await;
    assert_eq!(reason_not_ready(&app).await, "the database cannot be used");
    assert_alive(&app).await;

    let page = app.anonymous().get("/public").await;
    assert_eq!((page.status, page.header("retry-after")), (503, "2"));
    page.says("<h2>Service Unavailable</h2>").does_not_say("onnection");
    let response: TestResponse = app.simulator().get("/msgs").await;
    response.failure(503);
    assert_eq!(response.header("retry-after"), "2");
    response.does_not_say("onnection").does_not_say("127.0.0.1");
}

#[tokio::test]
async fn checks_have_an_address_that_other_connections_cannot_fill() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.server.operations_listen = Some(settings.server.listen);
        settings.server.connections.max_connections = 2;
    })
    .await;
    let operations = Browser::new(format!("http://{}", app.operations_address.expect("set")));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(app.anonymous().get(path).await.status, 200, "{path}");
    }
    // Two requests that never end.
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(app.address).await.expect("listening");
        client.write_all(b"GET / HT").await.expect("sent");
        slow.push(client);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(operations.get(path).await.status, 200, "{path}");
    }
    for path in ["/", "/public", "/sim/latest", "/api/v1/messages", "/docs", "/openapi.json"] {
        assert_eq!(operations.get(path).await.status, 404, "{path}");
    }
}
