//! Problem responses: requests that are rejected before an operation runs, and server errors.

use reqwest::{Method, header};
use serde_json::json;

use crate::support::{App, AppSettings, actors::TestResponse, cluster::TestDatabase};

/// Posts a body with this media type.
async fn post(app: &App, media_type: Option<&str>, body: impl Into<reqwest::Body>) -> TestResponse {
    let request = app.api().request(Method::POST, "/users").body(body);
    let request = match media_type {
        Some(media_type) => request.header(header::CONTENT_TYPE, media_type),
        None => request,
    };
    TestResponse::of(request).await
}

#[tokio::test]
async fn a_body_must_be_well_formed_json_with_a_json_content_type() {
    let app = App::start().await;
    let good = json!({"username": "ann", "email": "a@b", "password": "secret"}).to_string();
    for malformed in ["{", "{\"username\": secret}", "\u{feff}{}", "{} {}", &"[".repeat(500)] {
        let response = post(&app, Some("application/json"), malformed.to_owned()).await;
        response.problem(400);
        response.does_not_say("secret");
    }
    post(&app, Some("application/json"), b"{\"username\": \"\xff\"}".to_vec()).await.problem(400);
    for not_an_object in ["[]", "1", "\"secret\"", "null", ""] {
        let response = post(&app, Some("application/json"), not_an_object).await;
        assert_eq!(response.rejected_fields(422), ["body"], "{not_an_object}");
        response.does_not_say("secret");
    }
    for media_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("x")]
    {
        post(&app, media_type, good.clone()).await.problem(415);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    let response = post(&app, Some("Application/JSON; charset=UTF-8"), good).await;
    assert_eq!(response.status, 201, "{response:?}");
}

#[tokio::test]
async fn a_body_over_64_kib_is_rejected() {
    let app = App::start().await;
    let large = vec![b' '; 65_537];
    post(&app, Some("application/json"), large.clone()).await.problem(413);
    app.api_user("ann").await;
}

#[tokio::test]
async fn a_405_response_lists_the_allowed_methods() {
    let app = App::start().await;
    let api = app.api();
    for (path, methods) in [
        ("/users", "GET, HEAD, POST"),
        ("/users/ann", "GET, HEAD, PATCH"),
        ("/account/deletion", "POST"),
        ("/following/ann", "DELETE, PUT"),
    ] {
        let response = TestResponse::of(api.request(Method::TRACE, path)).await;
        response.problem(405);
        let mut allowed: Vec<&str> = response.header("allow").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(", "), methods, "{path}");
    }
}

#[tokio::test]
async fn a_500_response_contains_only_the_request_id() {
    let app = App::start().await;
    app.execute("ALTER TABLE users RENAME COLUMN bio TO biography").await;
    let response = app.api().get("/users").await;
    let problem = response.problem(500);
    let id = response.header("x-request-id");
    assert_eq!(problem["detail"], format!("Internal Server Error (request {id})"));
    assert!(problem.get("errors").is_none(), "{problem}");
}

#[tokio::test]
async fn without_its_database_the_server_responds_with_503_and_retry_after() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings: &mut AppSettings| {
        settings.pool.acquire_timeout = std::time::Duration::from_millis(200);
        settings.database = settings.database.clone().socket("/nowhere");
    })
    .await;
    let response = app.api().get("/users").await;
    response.problem(503);
    assert_eq!(response.header("retry-after"), "2");
}
