//! How often something may be tried: by page, by the JSON API, and by whoever signs up at the
//! simulator API without its credentials. Never by the simulator.

use std::num::NonZero;

use minitwit::service::RateLimits;
use reqwest::Method;
use serde_json::json;

use crate::support::{App, actors::Answer, cluster::TestDatabase};

async fn limited(limits: RateLimits) -> App {
    App::start_with(TestDatabase::fresh().await, |settings| settings.service.limits = limits).await
}

/// Asserts that an answer says when to try again.
#[track_caller]
fn assert_later(answer: &Answer) {
    assert_eq!(answer.status, 429, "{answer:?}");
    let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn one_accounts_password_is_not_guessed_at_for_long() {
    let two = RateLimits { sign_ins_per_account: NonZero::new(2), ..RateLimits::default() };
    let app = limited(two).await;
    let api = app.api();
    api.sign_up("ann").await;
    api.sign_up("bob").await;
    api.make_token("ann", "guess").await.problem(401);
    app.anonymous().submit("/login", &[("username", "ann"), ("password", "guess")]).await;

    let refused = api.make_token("ann", "secret").await;
    refused.problem(429);
    assert_later(&refused);
    let page = app.anonymous().sign_in("ann").await;
    assert_later(&page);
    page.says("Too Many Requests").says("That was too often; try again in");
    // Another account is not held up, and nobody who is signed in is.
    assert_eq!(api.make_token("bob", "secret").await.status, 201);
}

#[tokio::test]
async fn a_stolen_token_does_not_help_to_guess_the_password() {
    let three = RateLimits { sign_ins_per_account: NonZero::new(3), ..RateLimits::default() };
    let app = limited(three).await;
    let ann = app.api_user("ann").await;
    let change = json!({"password": "mine", "current_password": "guess"});
    ann.patch("/users/ann", change.clone()).await.problem(403);
    let farewell = json!({"password": "guess"});
    ann.send(Method::DELETE, "/users/ann", farewell.clone()).await.problem(403);
    for refused in [
        ann.patch("/users/ann", change).await,
        ann.send(Method::DELETE, "/users/ann", farewell).await,
    ] {
        refused.problem(429);
        assert_later(&refused);
    }
    assert_eq!(ann.patch("/users/ann", json!({"bio": "still me"})).await.status, 204);
}

#[tokio::test]
async fn one_address_does_not_try_many_accounts() {
    let two = RateLimits { sign_ins_per_address: NonZero::new(2), ..RateLimits::default() };
    let app = limited(two).await;
    app.api().make_token("ann", "guess").await.problem(401);
    app.anonymous().sign_in("bob").await.says("Invalid username");
    assert_later(&app.api().make_token("carol", "guess").await);
    assert_later(&app.anonymous().sign_in("dave").await);
}

#[tokio::test]
async fn one_address_does_not_sign_up_without_end() {
    let three = RateLimits { registrations_per_address: NonZero::new(3), ..RateLimits::default() };
    let app = limited(three).await;
    let (api, simulator) = (app.api(), app.simulator());
    let user = json!({"username": "carol", "email": "a@b", "pwd": "secret"});
    assert_eq!(api.sign_up("ann").await.status, 201);
    app.anonymous().sign_up("bob").await.says("You were successfully registered");
    let bare = simulator.bare_request(Method::POST, "/register").json(&user);
    assert_eq!(Answer::of(bare).await.status, 204);

    let refused = api.sign_up("dave").await;
    refused.problem(429);
    assert_later(&refused);
    assert_later(&app.anonymous().sign_up("dave").await);
    let bare = simulator.bare_request(Method::POST, "/register").json(&user);
    let refused = Answer::of(bare).await;
    assert_later(&refused);
    assert!(refused.failure(429).starts_with("That was too often"));
    // The simulator, which proves that it is, is never limited.
    for number in 0..20 {
        assert_eq!(simulator.register(&format!("user {number}")).await.status, 204);
    }
}

#[tokio::test]
async fn one_account_does_not_post_without_end() {
    let two = RateLimits { posts_per_account: NonZero::new(2), ..RateLimits::default() };
    let app = limited(two).await;
    let (ann, bob) = (app.signed_in("ann").await, app.signed_in("bob").await);
    ann.say("one").await.says("Your message was recorded");
    ann.say("two").await.says("Your message was recorded");
    assert_later(&ann.post("/add_message", &[("text", "three")]).await);
    bob.say("hello").await.says("Your message was recorded");
    for number in 0..20 {
        assert_eq!(app.simulator().tweet("ann", &format!("{number}")).await.status, 204);
    }
}
