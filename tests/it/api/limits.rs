//! Rate limits of the pages, of the JSON API, and of registrations at the simulator API without
//! credentials. Requests with the simulator's credentials are never limited.

use std::num::NonZero;

use minitwit::service::RateLimits;
use reqwest::Method;
use serde_json::json;

use crate::support::{App, actors::TestResponse, cluster::TestDatabase};

async fn limited(limits: RateLimits) -> App {
    App::start_with(TestDatabase::fresh().await, |settings| settings.service.limits = limits).await
}

/// Asserts status 429 with a valid `Retry-After`.
#[track_caller]
fn assert_rate_limited(response: &TestResponse) {
    assert_eq!(response.status, 429, "{response:?}");
    let seconds: u32 = response.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn sign_ins_are_limited_per_account() {
    let two = RateLimits { sign_ins_per_account: NonZero::new(2), ..RateLimits::default() };
    let app = limited(two).await;
    let api = app.api();
    api.sign_up("ann").await;
    api.sign_up("bob").await;
    api.make_token("ann", "guess").await.problem(401);
    app.anonymous().submit("/login", &[("username", "ann"), ("password", "guess")]).await;

    let response = api.make_token("ann", "secret").await;
    response.problem(429);
    assert_rate_limited(&response);
    let page = app.anonymous().sign_in("ann").await;
    assert_rate_limited(&page);
    page.says("Too Many Requests").says("That was too often; try again in");
    // Other accounts are not limited.
    assert_eq!(api.make_token("bob", "secret").await.status, 201);
}

#[tokio::test]
async fn password_confirmations_count_as_sign_ins() {
    let three = RateLimits { sign_ins_per_account: NonZero::new(3), ..RateLimits::default() };
    let app = limited(three).await;
    let ann = app.api_user("ann").await;
    let change = json!({"password": "mine", "current_password": "guess"});
    ann.patch("/users/ann", change.clone()).await.problem(403);
    let deletion = json!({"password": "guess"});
    ann.send(Method::DELETE, "/users/ann", deletion.clone()).await.problem(403);
    for response in [
        ann.patch("/users/ann", change).await,
        ann.send(Method::DELETE, "/users/ann", deletion).await,
    ] {
        response.problem(429);
        assert_rate_limited(&response);
    }
    assert_eq!(ann.patch("/users/ann", json!({"bio": "still me"})).await.status, 204);
}

#[tokio::test]
async fn sign_ins_are_limited_per_address() {
    let two = RateLimits { sign_ins_per_address: NonZero::new(2), ..RateLimits::default() };
    let app = limited(two).await;
    app.api().make_token("ann", "guess").await.problem(401);
    app.anonymous().sign_in("bob").await.says("Invalid username");
    assert_rate_limited(&app.api().make_token("carol", "guess").await);
    assert_rate_limited(&app.anonymous().sign_in("dave").await);
}

#[tokio::test]
async fn sign_ups_are_limited_per_address() {
    let three = RateLimits { registrations_per_address: NonZero::new(3), ..RateLimits::default() };
    let app = limited(three).await;
    let (api, simulator) = (app.api(), app.simulator());
    let user = json!({"username": "carol", "email": "a@b", "pwd": "secret"});
    assert_eq!(api.sign_up("ann").await.status, 201);
    app.anonymous().sign_up("bob").await.says("You were successfully registered");
    let bare = simulator.bare_request(Method::POST, "/register").json(&user);
    assert_eq!(TestResponse::of(bare).await.status, 204);

    let response = api.sign_up("dave").await;
    response.problem(429);
    assert_rate_limited(&response);
    assert_rate_limited(&app.anonymous().sign_up("dave").await);
    let bare = simulator.bare_request(Method::POST, "/register").json(&user);
    let response = TestResponse::of(bare).await;
    assert_rate_limited(&response);
    assert!(response.failure(429).starts_with("That was too often"));
    // Requests with the simulator's credentials are never limited.
    for number in 0..20 {
        assert_eq!(simulator.register(&format!("user {number}")).await.status, 204);
    }
}

#[tokio::test]
async fn posts_are_limited_per_account() {
    let two = RateLimits { posts_per_account: NonZero::new(2), ..RateLimits::default() };
    let app = limited(two).await;
    let (ann, bob) = (app.signed_in("ann").await, app.signed_in("bob").await);
    ann.say("one").await.says("Your message was recorded");
    ann.say("two").await.says("Your message was recorded");
    assert_rate_limited(&ann.post("/add_message", &[("text", "three")]).await);
    bob.say("hello").await.says("Your message was recorded");
    for number in 0..20 {
        assert_eq!(app.simulator().tweet("ann", &format!("{number}")).await.status, 204);
    }
}
