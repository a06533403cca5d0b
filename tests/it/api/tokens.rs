//! Bearer tokens: creation, listing, revocation and expiry.

use serde_json::{Value, json};

use crate::support::{App, actors::field};

fn time(value: &Value) -> time::OffsetDateTime {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(value.as_str().expect("a time"), format).expect("a time")
}

#[tokio::test]
async fn a_token_is_created_for_a_password_and_stored_as_a_hash() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("Ann").await;

    let body = json!({"username": "Ann", "password": "secret", "name": "Ann's phone"});
    let response = api.post("/tokens", body).await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("cache-control"), "no-store");
    let token = response.json();
    assert_eq!(token["name"], "Ann's phone");
    let lifetime = time(&token["expires_at"]) - time(&token["created_at"]);
    assert_eq!(lifetime, time::Duration::days(90));

    let secret = token["token"].as_str().expect("a token");
    let ann = api.with_token(secret);
    assert_eq!(ann.get("/users/Ann").await.json()["email"], "Ann@example.org");
    let listed = ann.get("/tokens").await;
    assert_eq!(listed.json()["items"][0]["id"], token["id"]);
    listed.does_not_say(secret);
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM api_tokens")
        .fetch_one(&app.rows)
        .await
        .expect("a row");
    assert_eq!(stored.len(), 32);
    assert_eq!(
        app.count("SELECT count(*) FROM api_tokens AS t WHERE t::text LIKE '%minitwit_%'").await,
        0
    );
}

#[tokio::test]
async fn a_lifetime_is_between_a_day_and_a_year() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("ann").await;
    let body = |days: Value| json!({"username": "ann", "password": "secret", "name": "a", "expires_in_days": days});
    let token = api.post("/tokens", body(json!(365))).await.json();
    let lifetime = time(&token["expires_at"]) - time(&token["created_at"]);
    assert_eq!(lifetime, time::Duration::days(365));
    for days in [json!(0), json!(366), json!(-1), json!(1.5), json!("7"), json!(null)] {
        let response = api.post("/tokens", body(days)).await;
        assert_eq!(response.rejected_fields(422), ["expires_in_days"]);
    }
}

#[tokio::test]
async fn the_response_does_not_reveal_whether_the_name_or_the_password_is_wrong() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("ann").await;
    let wrong_password = api.make_token("ann", "guess").await;
    let wrong_name = api.make_token("eve", "secret").await;
    assert_eq!(wrong_password.problem(401), wrong_name.problem(401));
    assert_eq!(wrong_name.header("www-authenticate"), "Bearer realm=\"MiniTwit\"");
    for (username, password) in [("", ""), ("ann", ""), ("a/b", "secret"), ("ann\0", "secret")] {
        api.make_token(username, password).await.problem(401);
    }
    api.make_token("ann", &"x".repeat(73)).await.problem(401);
}

#[tokio::test]
async fn the_callers_tokens_are_listed_newest_first_in_pages() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.api_user("bob").await;
    for number in 1..=4 {
        let name = format!("token {number}");
        let body = json!({"username": "ann", "password": "secret", "name": name});
        assert_eq!(ann.post("/tokens", body).await.status, 201);
    }
    let names = ["token 4", "token 3", "token 2", "token 1", "test"];
    let first = ann.get("/tokens?limit=2").await;
    assert_eq!(field(&first.items(), "name"), names[..2]);
    assert_eq!(field(&ann.whole_list("/tokens?limit=2").await, "name"), names);
    assert_eq!(field(&ann.whole_list("/tokens").await, "name"), names);
    assert_eq!(field(&ann.whole_list("/tokens?limit=5").await, "name"), names);
}

#[tokio::test]
async fn a_revoked_token_is_invalid() {
    let app = App::start().await;
    let (ann, other) = (app.api_user("ann").await, app.api().signed_in("ann").await);
    let bob = app.api_user("bob").await;
    let tokens = ann.whole_list("/tokens").await;
    let path = format!("/tokens/{}", tokens[0]["id"]);

    bob.delete(&path).await.problem(404);
    assert_eq!(other.get("/tokens").await.status, 200);
    assert_eq!(ann.delete(&path).await.status, 204);
    other.get("/tokens").await.problem(401);
    ann.delete(&path).await.problem(404);
    for unknown in ["/tokens/0", "/tokens/-1", "/tokens/x", "/tokens/99999999999999999999"] {
        ann.delete(unknown).await.problem(404);
    }
    // A token can revoke itself.
    let own = format!("/tokens/{}", tokens[1]["id"]);
    assert_eq!(ann.delete(&own).await.status, 204);
    ann.get("/tokens").await.problem(401);
}

#[tokio::test]
async fn an_expired_token_is_invalid_and_not_listed() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.execute(
        "UPDATE api_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day'",
    )
    .await;
    ann.get("/tokens").await.problem(401);
    let again = app.api().signed_in("ann").await;
    assert_eq!(again.whole_list("/tokens").await.len(), 1);
}

#[tokio::test]
async fn a_token_is_valid_on_every_replica() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let token = ann.request(reqwest::Method::GET, "").build().expect("a request");
    let header = token.headers()["authorization"].to_str().expect("text");
    let there = replica.api().with_token(header.strip_prefix("Bearer ").expect("a token"));
    assert_eq!(there.get("/tokens").await.status, 200);
}

#[tokio::test]
async fn an_invalid_authorization_header_is_rejected_by_all_operations() {
    let app = App::start().await;
    let ann = app.signed_in("ann").await;
    let cookie = ann.get("/").await;
    assert_eq!(cookie.status, 200);
    for authorization in [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer minitwit_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
        "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh",
        "x",
    ] {
        for path in ["/tokens", "/users", "/users/ann"] {
            let request = app.api().request(reqwest::Method::GET, path);
            let request = request.header("authorization", authorization);
            let response = crate::support::actors::TestResponse::of(request).await;
            response.problem(401);
            assert_eq!(response.header("www-authenticate"), "Bearer realm=\"MiniTwit\"");
        }
    }
}
