//! `Idempotency-Key`: a repeated request posts once.

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

#[track_caller]
fn assert_same(response: &TestResponse, first: &TestResponse) {
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.json(), first.json());
    assert_eq!(response.header("location"), first.header("location"));
}

#[tokio::test]
async fn a_repeated_key_returns_the_first_response_on_every_replica() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let first = post(&ann, "k", "hello").await;
    assert_eq!(first.status, 201, "{first:?}");
    let elsewhere = replica.api().signed_in("ann").await;
    for client in [&ann, &elsewhere] {
        assert_same(&post(client, "k", "hello").await, &first);
        assert_same(&post(client, "k", "something else").await, &first);
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
    assert_eq!(ann.get("/users/ann").await.json()["messages"], 1);
}

#[tokio::test]
async fn the_first_response_is_returned_after_the_message_is_edited_or_deleted() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let first = post(&ann, "k", "hello").await;
    let path = format!("/messages/{}", first.json()["id"]);
    assert_eq!(ann.patch(&path, json!({"text": "changed"})).await.status, 200);
    assert_same(&post(&ann, "k", "hello").await, &first);
    assert_eq!(ann.delete(&path).await.status, 204);
    assert_same(&post(&ann, "k", "hello").await, &first);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_concurrent_requests_on_two_replicas_post_once_and_get_the_same_response() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let clients = [ann, replica.api().signed_in("ann").await];
    let responses = join_all((0..50).map(|number| {
        let client = &clients[number % 2];
        async move { post(client, "k", &format!("hello {number}")).await }
    }))
    .await;
    for response in &responses {
        assert_same(response, &responses[0]);
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
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
    assert_same(&post(&ann, "k", "hello").await, &first);
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
    post(&ann, "old", "hello").await;
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 3);
}
