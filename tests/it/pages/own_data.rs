//! Downloads of the viewer's own data.

use minitwit::service::{Rate, RateLimits};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, AppSettings, actors::TestResponse, cluster::TestDatabase};

const PATHS: [&str; 2] = ["/settings/data.json", "/settings/data.atom"];

/// More messages and follows than one statement of a download reads.
async fn fill(app: &App) {
    for statement in [
        "INSERT INTO users (username, email, password_hash)
         SELECT 'user ' || n, 'a@b', (SELECT password_hash FROM users WHERE username = 'alice')
         FROM generate_series(1, 600) AS n",
        "INSERT INTO follows (follower_id, followee_id)
         SELECT follower.user_id, followee.user_id FROM users AS follower, users AS followee
         WHERE follower.username = 'alice' AND followee.username LIKE 'user %'",
        "INSERT INTO messages (author_id, text, published_at)
         SELECT user_id, 'message ' || n, '2020-01-01'::timestamptz + n * interval '1 second'
         FROM users, generate_series(1, 1200) AS n WHERE username = 'alice'",
    ] {
        app.execute(statement).await;
    }
}

fn list<'a>(data: &'a Value, name: &str) -> &'a Vec<Value> {
    data[name].as_array().unwrap_or_else(|| panic!("a list {name}: {data}"))
}

#[tokio::test]
async fn all_own_data_is_downloaded_and_nobody_elses() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob").await;
    fill(&app).await;
    alice.say("the \"newest\" 🐦 <one>").await;
    bob.say("of bob").await;
    bob.post("/alice/follow", &[]).await;
    app.execute("UPDATE messages SET flagged = true WHERE text = 'message 7'").await;

    let response = alice.get("/settings/data.json").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("content-disposition"), "attachment; filename=\"minitwit.json\"");
    assert_eq!(response.header("cache-control"), "no-store");
    response.does_not_say("of bob").does_not_say("bob@").does_not_say("$2b$");
    let data = response.json();
    let profile = &data["profile"];
    assert_eq!(
        (&profile["username"], &profile["email"]),
        (&json!("alice"), &json!("alice@example.org"))
    );
    let messages = list(&data, "messages");
    assert_eq!(messages.len(), 1_200, "1,201 with the flagged one");
    assert_eq!(messages[0]["text"], json!("the \"newest\" 🐦 <one>"));
    assert_eq!(messages[1_199]["text"], json!("message 1"));
    assert_eq!(messages[1_199]["published_at"], json!("2020-01-01T00:00:01Z"));
    assert_eq!(list(&data, "following").len(), 600);
    assert_eq!(list(&data, "followers"), &[json!({"username": "bob", "display_name": null})]);

    let response = alice.get("/settings/data.atom").await;
    assert_eq!(response.header("content-type"), "application/atom+xml; charset=utf-8");
    response.does_not_say("of bob");
    let feed = roxmltree::Document::parse(&response.body).expect("well-formed");
    let texts: Vec<&str> = feed
        .descendants()
        .filter(|it| it.has_tag_name("content"))
        .filter_map(|it| it.text())
        .collect();
    let expected: Vec<&str> =
        messages.iter().filter_map(|message| message["text"].as_str()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn an_account_without_data_is_downloaded() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let data = alice.get("/settings/data.json").await.json();
    for name in ["messages", "following", "followers"] {
        assert_eq!(list(&data, name).len(), 0, "{name}");
    }
    let response = alice.get("/settings/data.atom").await;
    let feed = roxmltree::Document::parse(&response.body).expect("well-formed");
    assert!(!feed.descendants().any(|it| it.has_tag_name("entry")));
    alice
        .get("/settings")
        .await
        .says("href=\"/settings/data.json\"")
        .says("href=\"/settings/data.atom\"");
}

#[tokio::test]
async fn only_a_session_permits_a_download() {
    let app = App::start().await;
    app.signed_in("alice").await;
    let token = app.api().make_token("alice", "secret").await.json();
    let token = token["token"].as_str().expect("a token");
    for path in PATHS {
        assert_eq!(app.anonymous().get(path).await.status, 401, "{path}");
        let with_token = app.anonymous().request(Method::GET, path).bearer_auth(token);
        assert_eq!(TestResponse::of(with_token).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn downloads_of_one_account_are_limited() {
    let two = RateLimits { downloads_per_account: Rate::per_minute(2), ..RateLimits::default() };
    let change = |settings: &mut AppSettings| settings.service.limits = two;
    let app = App::start_with(TestDatabase::fresh().await, change).await;
    let (alice, bob) = (app.signed_in("alice").await, app.signed_in("bob").await);
    for path in PATHS {
        assert_eq!(alice.get(path).await.status, 200, "{path}");
    }
    let refused = alice.get(PATHS[0]).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 60));
    assert_eq!(bob.get(PATHS[0]).await.status, 200, "another account");
}
