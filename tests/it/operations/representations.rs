//! Compression and validators of the API documents, of Swagger UI and of the JSON API.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    App,
    actors::{ApiClient, TestResponse},
};

/// Reads a path with these headers, without decompression.
async fn get(app: &App, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let request = app.anonymous().request(Method::GET, path);
    let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
    TestResponse::of_bytes(request).await
}

async fn ann(app: &App) -> ApiClient {
    let ann = app.api_user("ann").await;
    for number in 0..30 {
        ann.post("/messages", json!({"text": format!("message {number}")})).await;
    }
    ann
}

#[tokio::test]
async fn large_responses_are_compressed_if_the_client_accepts_it() {
    let app = App::start().await;
    ann(&app).await;
    for path in [
        "/docs",
        "/openapi.json",
        "/api/v1/openapi.json",
        "/api/v1/messages",
        "/public",
        "/api/v1/search?q=message",
    ] {
        let plain = get(&app, path, &[]).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{path}");
        let zipped = get(&app, path, &[("accept-encoding", "gzip")]).await;
        assert_eq!((zipped.status, zipped.header("content-encoding")), (200, "gzip"), "{path}");
        assert!(2 * zipped.body.len() < plain.body.len(), "{path}: {}", zipped.body.len());
        for response in [plain, zipped] {
            let mut vary = response.headers.get_all("vary").iter();
            let names_it = |it: &reqwest::header::HeaderValue| {
                it.to_str().expect("text").contains("accept-encoding")
            };
            assert!(vary.any(names_it), "{path}: {:?}", response.headers);
        }
    }
}

#[tokio::test]
async fn an_unchanged_response_is_304() {
    let app = App::start().await;
    let ann = ann(&app).await;
    for path in [
        "/docs",
        "/openapi.json",
        "/api/v1/openapi.json",
        "/api/v1/messages",
        "/api/v1/users/ann",
        "/api/v1/users/ann/followers",
    ] {
        let first = get(&app, path, &[]).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        for encoding in ["identity", "gzip"] {
            let headers = [("if-none-match", tag.as_str()), ("accept-encoding", encoding)];
            let again = get(&app, path, &headers).await;
            assert_eq!((again.status, again.body.as_str()), (304, ""), "{path} {encoding}");
            assert_eq!(again.header("etag"), tag, "{path}");
        }
        let other = get(&app, path, &[("if-none-match", "W/\"0\"")]).await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
    let tag = get(&app, "/api/v1/messages", &[]).await.header("etag").to_owned();
    ann.post("/messages", json!({"text": "a new one"})).await;
    let changed = get(&app, "/api/v1/messages", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn only_the_client_stores_what_the_api_returns_and_never_a_secret() {
    let app = App::start().await;
    let ann = ann(&app).await;
    let read = ann.get("/users/ann").await;
    assert_eq!(read.header("cache-control"), "private, no-cache");
    let created = ann.make_token("ann", "secret").await;
    assert_eq!((created.status, created.header("cache-control")), (201, "no-store"));
    assert_eq!(created.header("etag"), "");
    assert_eq!(ann.get("/users/nobody").await.header("cache-control"), "no-store");
    let stream = app.api().request(Method::GET, "/stream").header("accept-encoding", "gzip");
    let stream = TestResponse::of(stream).await;
    assert_eq!((stream.header("content-encoding"), stream.header("etag")), ("", ""));
}

#[tokio::test]
async fn the_document_names_the_cookie_of_the_instance() {
    let app = App::start().await;
    let login = [("username", "ann"), ("password", "secret")];
    app.anonymous().sign_up("ann").await;
    let response = app.anonymous().post("/login", &login).await;
    let document = app.anonymous().get("/api/v1/openapi.json").await.json();
    let name = document["components"]["securitySchemes"]["session"]["name"].clone();
    let name = name.as_str().expect("a name");
    assert!(name.starts_with("session_"), "{name}");
    let mut set = response.headers.get_all("set-cookie").iter();
    let is_it = |cookie: &reqwest::header::HeaderValue| {
        cookie.to_str().expect("text").starts_with(&format!("{name}="))
    };
    assert!(set.any(is_it), "{response:?}");
}
