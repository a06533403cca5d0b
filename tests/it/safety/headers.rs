//! Headers that every response has.

use reqwest::Method;
use serde_json::json;

use crate::support::{App, actors::TestResponse};

/// One response of each kind, with its description.
async fn responses(app: &App) -> Vec<(&'static str, TestResponse)> {
    let alice = app.signed_in("alice").await;
    let anonymous = app.anonymous();
    let (simulator, at_root) = (app.simulator(), app.simulator_at_root());
    let page = anonymous.get("/public").await;
    let mut linked = page.body.split('"').filter(|it| it.starts_with("/static/"));
    let static_file = linked.next_back().expect("a file").to_owned();
    let bare = simulator.bare_request(Method::GET, "/msgs");
    let large = alice.request(Method::POST, "/add_message").form(&[("text", "a".repeat(70_000))]);
    vec![
        ("page", page),
        ("own page", alice.get("/").await),
        ("redirect", anonymous.get("/").await),
        ("head", TestResponse::of(anonymous.request(Method::HEAD, "/public")).await),
        ("asset", anonymous.get(&static_file).await),
        ("avatar", anonymous.get("/avatar/alice").await),
        ("400 page", anonymous.get("/public?before=x").await),
        ("401 page", anonymous.post("/add_message", &[]).await),
        ("403 page", {
            let request = alice.request(Method::POST, "/logout").header("origin", "null");
            TestResponse::of(request).await
        }),
        ("404 page", anonymous.get("/nobody").await),
        ("404 page of no route", anonymous.get("/a/b/c").await),
        ("405 page", anonymous.post("/public", &[]).await),
        ("413 page", TestResponse::of(large).await),
        ("200 JSON", simulator.get("/latest").await),
        ("204", simulator.register("bob").await),
        ("400 JSON", simulator.post("/register", json!({})).await),
        ("403 JSON", TestResponse::of(bare).await),
        ("404 JSON", simulator.get("/msgs/nobody").await),
        ("404 JSON of no route", at_root.get("/nothing").await),
        ("405 JSON", at_root.post("/latest", json!({})).await),
        ("health", anonymous.get("/healthz").await),
        ("readiness", anonymous.get("/readyz").await),
        ("metrics", anonymous.get("/metrics").await),
        ("document", anonymous.get("/openapi.json").await),
        ("documentation", anonymous.get("/docs").await),
        ("error codes", anonymous.get("/docs/errors").await),
        ("405 of operations", anonymous.post("/healthz", &[]).await),
        ("500", {
            app.execute("ALTER TABLE messages RENAME TO moved").await;
            anonymous.get("/public").await
        }),
        ("500 JSON", simulator.get("/msgs").await),
    ]
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let app = App::start().await;
    for (what, response) in responses(&app).await {
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(response.header("x-frame-options"), "DENY", "{what}");
        assert_eq!(response.header("referrer-policy"), "same-origin", "{what}");
        // Without TLS, browsers log an error about this header.
        assert_eq!(response.header("cross-origin-opener-policy"), "", "{what}");
        assert!(response.header("permissions-policy").contains("camera=()"), "{what}");

        let policy = response.header("content-security-policy");
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(rule), "{what}: {policy}");
        }
        assert_eq!(policy.contains("unsafe"), what == "documentation", "{what}: {policy}");
        assert!(!policy.contains('*') && !policy.contains("http"), "{what}: {policy}");
        assert_eq!(response.headers.get_all("content-security-policy").iter().count(), 1, "{what}");
        for name in ["server", "x-powered-by"] {
            assert_eq!(response.header(name), "", "{what}");
        }
    }
}

#[tokio::test]
async fn every_response_has_its_own_request_id() {
    let app = App::start().await;
    let responses = responses(&app).await;
    let mut ids: Vec<_> = responses.iter().map(|(_, it)| it.header("x-request-id")).collect();
    for (id, (what, _)) in ids.iter().zip(&responses) {
        assert!(id.len() == 16 && id.bytes().all(|it| it.is_ascii_hexdigit()), "{what}: {id}");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), responses.len());
}

#[tokio::test]
async fn a_client_cannot_choose_the_request_id() {
    let app = App::start().await;
    let request = app.anonymous().request(Method::GET, "/public");
    let response = TestResponse::of(request.header("x-request-id", "0123456789abcdef")).await;
    assert_ne!(response.header("x-request-id"), "0123456789abcdef");
}
