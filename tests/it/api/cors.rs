//! Cross-origin requests (CORS): any site may use the API, without cookies.

use std::collections::BTreeSet;

use minitwit::service::Rate;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{
    App, AppSettings,
    actors::TestResponse,
    cluster::TestDatabase,
    documents::{committed, operations},
};

const OTHER_SITE: &str = "https://client.example";

/// The names in a header with a list.
fn names(answer: &TestResponse, header: &str) -> BTreeSet<String> {
    answer.header(header).split(',').map(|name| name.trim().to_lowercase()).collect()
}

#[track_caller]
fn assert_readable(what: &str, answer: &TestResponse) {
    assert_eq!(answer.header("access-control-allow-origin"), "*", "{what}");
    assert_eq!(answer.headers.get_all("access-control-allow-origin").iter().count(), 1, "{what}");
    assert_eq!(answer.header("access-control-allow-credentials"), "", "{what}");
    let exposed = names(answer, "access-control-expose-headers");
    for name in [
        "link",
        "location",
        "retry-after",
        "x-request-id",
        "idempotent-replayed",
        "www-authenticate",
        "deprecation",
        "sunset",
    ] {
        assert!(exposed.contains(name), "{what} does not expose {name}: {exposed:?}");
    }
}

fn from_other_site(request: RequestBuilder) -> RequestBuilder {
    request.header("origin", OTHER_SITE).header("sec-fetch-site", "cross-site")
}

#[tokio::test]
async fn scripts_of_any_site_can_read_every_response() {
    let app = App::start_with(TestDatabase::fresh().await, |settings: &mut AppSettings| {
        settings.service.limits.posts_per_account = Rate::per_minute(1);
        settings.service.streams.clients = 0;
    })
    .await;
    let (api, ann) = (app.api(), app.api_user("ann").await);
    let text = json!({"text": "hello"});
    let large = api.request(Method::POST, "/users").body(vec![b' '; 70_000]);
    let without_type = api.request(Method::POST, "/users").body("{}");
    for (status, request) in [
        (200, api.request(Method::GET, "/messages")),
        (200, api.request(Method::GET, "/openapi.json")),
        (200, api.request(Method::HEAD, "/messages")),
        (201, ann.request(Method::POST, "/messages").json(&text)),
        (204, ann.request(Method::PATCH, "/users/ann").json(&json!({"bio": "hello"}))),
        (
            400,
            api.request(Method::POST, "/users")
                .header("content-type", "application/json")
                .body("{"),
        ),
        (401, api.request(Method::GET, "/timeline")),
        (403, ann.request(Method::POST, "/account/deletion").json(&json!({"password": "guess"}))),
        (404, api.request(Method::GET, "/messages/999999")),
        (404, api.request(Method::GET, "/nowhere")),
        (404, api.request(Method::GET, "")),
        (405, api.request(Method::DELETE, "/messages")),
        (405, api.request(Method::OPTIONS, "/messages")),
        (
            409,
            api.request(Method::POST, "/users").json(&json!({
                "username": "ann", "email": "a@b", "password": "secret",
            })),
        ),
        (413, large.header("content-type", "application/json")),
        (415, without_type),
        (422, ann.request(Method::GET, "/messages?limit=0")),
        (429, ann.request(Method::POST, "/messages").json(&text)),
        (503, api.request(Method::GET, "/stream")),
    ] {
        let answer = TestResponse::of(from_other_site(request)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_readable(&status.to_string(), &answer);
    }
    app.execute("ALTER TABLE messages RENAME TO moved").await;
    let answer = TestResponse::of(from_other_site(api.request(Method::GET, "/messages"))).await;
    assert_eq!(answer.status, 500);
    assert_readable("500", &answer);
}

#[tokio::test]
async fn a_preflight_permits_every_operation_with_its_headers_and_is_cached() {
    let app = App::start().await;
    let document: Value = serde_json::from_str(&committed("api")).expect("JSON");
    for (name, operation) in operations(&document) {
        let (method, path) = name.split_once(' ').expect("a method and a path");
        let path = path.replace(['{', '}'], "");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let headers = parameters.filter(|it| it["in"] == "header");
        let mut headers: Vec<String> =
            headers.map(|it| it["name"].as_str().expect("a name").to_lowercase()).collect();
        headers.extend(["authorization".to_owned(), "content-type".to_owned()]);

        let request = from_other_site(app.api().request(Method::OPTIONS, &path))
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers.join(","));
        let answer = TestResponse::of(request).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{name}");
        assert_readable(&name, &answer);
        let methods = names(&answer, "access-control-allow-methods");
        assert!(methods.contains(&method.to_lowercase()), "{name}: {methods:?}");
        let allowed = names(&answer, "access-control-allow-headers");
        assert!(headers.iter().all(|it| allowed.contains(it)), "{name}: {headers:?} {allowed:?}");
        assert_eq!(answer.header("access-control-max-age"), "86400", "{name}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn a_cookie_in_a_request_of_another_origin_gives_nothing() {
    let app = App::start().await;
    let browser = app.signed_in("ann").await;
    // A request of the browser, which has its cookie.
    let send = async |path: &str, headers: &[(&str, &str)]| {
        let request = browser.request(Method::GET, &format!("/api/v1{path}"));
        TestResponse::of(headers.iter().fold(request, |it, (name, value)| it.header(*name, *value)))
            .await
    };
    let own = app.url("");
    let stream = "/stream?timeline=own";
    for headers in [&[][..], &[("sec-fetch-site", "same-origin")], &[("origin", &own)]] {
        assert_eq!(send(stream, headers).await.status, 200, "{headers:?}");
    }
    for headers in [
        &[("origin", OTHER_SITE)][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:1")],
        &[("origin", "null")],
    ] {
        for path in [stream, "/timeline", "/account", "/tokens"] {
            let answer = send(path, headers).await;
            answer.problem(401);
            assert_readable(path, &answer);
        }
    }
}
