//! `Idempotency-Key`: a repeated request posts once, and another request with the key is rejected.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    App, AppSettings,
    actors::{ApiClient, TestResponse},
    cluster::TestDatabase,
};

async fn post(client: &ApiClient, key: &str, text: &str) -> TestResponse {
    let request = client.request(Method::POST, "/messages").json(&json!({ "text": text }));
    TestResponse::of(request.header("Idempotency-Key", key)).await
}

/// Asserts that the response is the first one, sent again.
#[track_caller]
fn assert_replayed(response: &TestResponse, first: &TestResponse) {
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.json(), first.json());
    assert_eq!(response.header("location"), first.header("location"));
    assert_eq!(response.header("idempotent-replayed"), "true");
}

/// Asserts that the key belongs to another request.
#[track_caller]
fn assert_key_reused(response: &TestResponse) {
    assert_eq!(response.rejected_fields(422), ["Idempotency-Key"]);
    assert_eq!(response.json()["code"], "idempotency-key-reused");
    assert_eq!(response.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn a_repeated_key_returns_the_first_response_on_every_replica() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let first = post(&ann, "k", "hello").await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.header("idempotent-replayed"), "");
    let elsewhere = replica.api().signed_in("ann").await;
    for client in [&ann, &elsewhere] {
        assert_replayed(&post(client, "k", "hello").await, &first);
        assert_key_reused(&post(client, "k", "something else").await);
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
    assert_eq!(ann.get("/users/ann").await.json()["messages"], 1);
}

#[tokio::test]
async fn another_body_with_a_used_key_is_rejected_and_posts_nothing() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let send = async |body: &'static str| {
        let request = ann.request(Method::POST, "/messages").body(body);
        let request = request.header("Content-Type", "application/json");
        TestResponse::of(request.header("Idempotency-Key", "k")).await
    };
    let first = send(r#"{"text": "hello"}"#).await;
    assert_eq!(first.status, 201, "{first:?}");
    for body in [
        r#"{"text": "hello!"}"#,
        r#"{"text": "Hello"}"#,
        // The key is bound to the bytes of the body, which a repetition does not change.
        r#"{"text":"hello"}"#,
        r#"{"text": "hello", "language": "en"}"#,
    ] {
        assert_key_reused(&send(body).await);
    }
    assert_replayed(&send(r#"{"text": "hello"}"#).await, &first);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
    // Nothing of the rejected requests is stored.
    let kept = "SELECT count(*) FROM idempotency_keys WHERE key = 'k' AND text = 'hello'";
    assert_eq!(app.count(kept).await, 1);
}

#[tokio::test]
async fn the_first_response_is_returned_after_the_message_is_edited_or_deleted() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let first = post(&ann, "k", "hello").await;
    let path = format!("/messages/{}", first.json()["id"]);
    assert_eq!(ann.patch(&path, json!({"text": "changed"})).await.status, 200);
    assert_replayed(&post(&ann, "k", "hello").await, &first);
    assert_eq!(ann.delete(&path).await.status, 204);
    assert_replayed(&post(&ann, "k", "hello").await, &first);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test]
async fn keys_are_per_user_and_each_key_posts_a_message() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    for (client, key) in [(&ann, "k"), (&bob, "k"), (&ann, "K"), (&ann, "k2")] {
        assert_eq!(post(client, key, "hello").await.status, 201);
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 4);
    ann.post("/messages", json!({"text": "hello"})).await;
    ann.post("/messages", json!({"text": "hello"})).await;
    assert_eq!(
        app.count("SELECT count(*) FROM messages").await,
        6,
        "without a key each request posts"
    );
}

#[tokio::test]
async fn a_rejected_request_does_not_use_its_key() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    assert_eq!(post(&ann, "k", "").await.rejected_fields(422), ["text"]);
    assert_eq!(post(&ann, "k", "hello").await.json()["text"], "hello");
}

/// Sends 50 requests with one key, half of them to each of two replicas. `text` makes their texts.
async fn fifty_concurrent(app: &App, text: impl Fn(usize) -> String) -> Vec<TestResponse> {
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let clients = [ann, replica.api().signed_in("ann").await];
    join_all((0..50).map(|number| {
        let (client, text) = (&clients[number % 2], text(number));
        async move { post(client, "k", &text).await }
    }))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_concurrent_requests_on_two_replicas_post_once_and_get_the_same_response() {
    let app = App::start().await;
    let responses = fifty_concurrent(&app, |_| "hello".to_owned()).await;
    let is_first = |response: &&TestResponse| response.header("idempotent-replayed").is_empty();
    let first: Vec<&TestResponse> = responses.iter().filter(is_first).collect();
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0].status, 201, "{:?}", first[0]);
    for response in responses.iter().filter(|response| !is_first(response)) {
        assert_replayed(response, first[0]);
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_concurrent_requests_with_different_bodies_one_posts() {
    let app = App::start().await;
    let responses = fifty_concurrent(&app, |number| format!("hello {number}")).await;
    let (posted, others): (Vec<_>, Vec<_>) = responses.iter().partition(|it| it.status == 201);
    assert_eq!(posted.len(), 1, "{posted:?}");
    others.into_iter().for_each(assert_key_reused);
    let text = posted[0].json()["text"].clone();
    let stored: String = sqlx::query_scalar("SELECT string_agg(text, ', ') FROM messages")
        .fetch_one(&app.rows)
        .await
        .expect("a text");
    assert_eq!(text, stored);
}

#[tokio::test]
async fn a_repeated_key_is_not_rate_limited() {
    let limited = |settings: &mut AppSettings| {
        settings.service.limits.posts_per_account = minitwit::service::Rate::per_minute(1);
    };
    let app = App::start_with(TestDatabase::fresh().await, limited).await;
    let ann = app.api_user("ann").await;
    let first = post(&ann, "k", "hello").await;
    post(&ann, "other", "hello").await.problem(429);
    assert_replayed(&post(&ann, "k", "hello").await, &first);
    assert_key_reused(&post(&ann, "k", "something else").await);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
}

#[tokio::test]
async fn keys_are_kept_for_24_hours() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    post(&ann, "old", "hello").await;
    post(&ann, "new", "hello").await;
    app.execute(
        "UPDATE idempotency_keys SET published_at = now() - interval '24 hours 1 second'
         WHERE key = 'old';
         UPDATE idempotency_keys SET published_at = now() - interval '23 hours 59 minutes'
         WHERE key = 'new'",
    )
    .await;
    assert_eq!(app.service.sweep_idempotency_keys().await.expect("swept"), 1);
    post(&ann, "new", "hello").await;
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 2);
    // A forgotten key may be used for another request.
    assert_eq!(post(&ann, "old", "hello again").await.status, 201);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 3);
}
