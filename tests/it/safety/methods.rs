//! The methods of each route: 405 with `Allow` for all others, and HEAD changes nothing.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::{
    query_budget::page_routes::page_routes,
    support::{App, actors::TestResponse, documents::documented},
};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"];
const OPERATIONS: [&str; 6] =
    ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/api/v1/openapi.json"];

/// The paths of all routes, with a value for each parameter.
fn paths() -> BTreeSet<String> {
    let with_prefix = |api: &str, prefix: &str| -> Vec<String> {
        documented(api).iter().map(|it| format!("{prefix}{}", it.path)).collect()
    };
    let all = [
        page_routes().into_iter().collect(),
        with_prefix("api", "/api/v1"),
        with_prefix("simulator", "/sim"),
        OPERATIONS.map(str::to_owned).to_vec(),
    ];
    let filled = all.concat().into_iter().map(|path| {
        path.replace("{username}", "alice")
            .replace("{id}", "7")
            .replace("{token_id}", "7")
            .replace("{tag}", "rust")
            .replace("{file_name}", "none")
    });
    filled.collect()
}

#[tokio::test]
async fn every_route_names_its_methods_and_rejects_all_others() {
    let app = App::start().await;
    let client = app.anonymous();
    let paths = paths();
    assert!(paths.len() > 50, "{paths:?}");
    for path in paths {
        let send = |method: &str| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            TestResponse::of(client.request(method, &path))
        };
        let rejected = send("BREW").await;
        assert_eq!(rejected.status, 405, "{path}: {rejected:?}");
        let allow: Vec<_> = rejected.header("allow").split(", ").collect();
        assert!(!allow.contains(&""), "{path}: {rejected:?}");
        for method in METHODS {
            let answer = send(method).await;
            let allowed = answer.status != 405;
            assert_eq!(allowed, allow.contains(&method), "{method} {path}: {allow:?}");
            if !allowed {
                assert_eq!(answer.header("allow"), rejected.header("allow"), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn head_changes_nothing() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().sign_up("bob").await;
    alice.get("/public").await;
    let head = |path: &'static str| TestResponse::of(alice.request(Method::HEAD, path));
    for path in ["/bob/follow", "/bob/unfollow", "/logout"] {
        let answer = head(path).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"), "{path}");
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);

    // HEAD shows no page, so the notice is on the next page.
    alice.post("/add_message", &[("text", "hello")]).await;
    assert_eq!(head("/").await.status, 200);
    alice.get("/").await.says("Your message was recorded").says("sign out [alice]");

    // HEAD does not set `latest`.
    let simulator = app.simulator();
    let request = simulator.request(Method::HEAD, "/msgs?latest=7");
    assert_eq!(TestResponse::of(request).await.status, 200);
    assert_eq!(simulator.latest().await, -1);
}
