//! What is refused before an operation begins, and what the server is to blame for.

use reqwest::{Method, header};
use serde_json::json;

use crate::support::{App, AppSettings, actors::Answer, cluster::TestDatabase};

/// A POST of this body, called this.
async fn posted(app: &App, media_type: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
    let request = app.api().request(Method::POST, "/users").body(body);
    let request = match media_type {
        Some(media_type) => request.header(header::CONTENT_TYPE, media_type),
        None => request,
    };
    Answer::of(request).await
}

#[tokio::test]
async fn a_body_is_well_formed_json_and_called_so() {
    let app = App::start().await;
    let good = json!({"username": "ann", "email": "a@b", "password": "secret"}).to_string();
    for malformed in ["{", "{\"username\": secret}", "\u{feff}{}", "{} {}", &"[".repeat(500)] {
        let answer = posted(&app, Some("application/json"), malformed.to_owned()).await;
        answer.problem(400);
        answer.does_not_say("secret");
    }
    posted(&app, Some("application/json"), b"{\"username\": \"\xff\"}".to_vec()).await.problem(400);
    for no_object in ["[]", "1", "\"secret\"", "null", ""] {
        let answer = posted(&app, Some("application/json"), no_object).await;
        assert_eq!(answer.refused_fields(422), ["body"], "{no_object}");
        answer.does_not_say("secret");
    }
    for media_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("x")]
    {
        posted(&app, media_type, good.clone()).await.problem(415);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    let answer = posted(&app, Some("Application/JSON; charset=UTF-8"), good).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let app = App::start().await;
    let large = vec![b' '; 65_537];
    posted(&app, Some("application/json"), large.clone()).await.problem(413);
    app.api_user("ann").await;
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let app = App::start().await;
    let api = app.api();
    for (path, methods) in [
        ("/users", "GET, HEAD, POST"),
        ("/users/ann", "DELETE, GET, HEAD, PATCH"),
        ("/following/ann", "DELETE, PUT"),
    ] {
        let answer = Answer::of(api.request(Method::TRACE, path)).await;
        answer.problem(405);
        let mut allowed: Vec<&str> = answer.header("allow").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(", "), methods, "{path}");
    }
}

#[tokio::test]
async fn of_our_own_failure_the_request_is_all_that_is_told() {
    let app = App::start().await;
    app.execute("ALTER TABLE users RENAME COLUMN bio TO biography").await;
    let answer = app.api().get("/users").await;
    let problem = answer.problem(500);
    let id = answer.header("x-request-id");
    assert_eq!(problem["detail"], format!("Internal Server Error (request {id})"));
    assert!(problem.get("errors").is_none(), "{problem}");
}

#[tokio::test]
async fn without_its_database_the_server_asks_for_patience() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings: &mut AppSettings| {
        settings.pool.acquire_timeout = std::time::Duration::from_millis(200);
        settings.database = settings.database.clone().socket("/nowhere");
    })
    .await;
    let answer = app.api().get("/users").await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), "1");
}
