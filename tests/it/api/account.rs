//! Users see whose token they have, and change and delete their own accounts.

use std::collections::BTreeSet;

use futures_util::{FutureExt, future::BoxFuture};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, actors::TestResponse};

#[tokio::test]
async fn a_client_learns_whose_token_it_has_and_what_the_token_permits() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    ann.patch("/users/ann", json!({"bio": "hello"})).await;
    let request = json!({
        "username": "ann", "password": "secret", "name": "Ann's phone",
        "expires_in_days": 7, "scopes": ["account", "read"],
    });
    let created = app.api().post("/tokens", request).await.json();
    let phone = app.api().with_token(created["token"].as_str().expect("a token"));

    let account = phone.get("/account").await.json();
    let profile = ann.get("/users/ann").await.json();
    for field in ["username", "display_name", "bio", "joined_at"] {
        assert_eq!(account["user"][field], profile[field], "{account}");
    }
    assert_eq!(account["email"], "ann@example.org");
    assert_eq!(account["token"]["scopes"], json!(["read", "account"]));
    for field in ["id", "name", "created_at", "expires_at", "scopes"] {
        assert_eq!(account["token"][field], created[field], "{account}");
    }
    assert_eq!(account["token"].get("token"), None, "{account}");

    // Only `read` permits to see the e-mail address.
    let writer = app.api().signed_in_with("ann", Some("write")).await;
    let account = writer.get("/account").await.json();
    assert_eq!((&account["user"]["username"], account.get("email")), (&json!("ann"), None));
}

#[tokio::test]
async fn absent_fields_keep_their_values_and_null_removes_a_value() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let profile = async || {
        let user = ann.get("/users/ann").await.json();
        ["email", "display_name", "bio"].map(|field| user[field].clone())
    };
    assert_eq!(profile().await, [json!("ann@example.org"), Value::Null, Value::Null]);

    for (change, expected) in [
        (
            json!({"display_name": "Ann A."}),
            [json!("ann@example.org"), json!("Ann A."), json!(null)],
        ),
        (
            json!({"bio": "hello\nyou"}),
            [json!("ann@example.org"), json!("Ann A."), json!("hello\nyou")],
        ),
        (json!({"email": "a@b"}), [json!("a@b"), json!("Ann A."), json!("hello\nyou")]),
        (json!({}), [json!("a@b"), json!("Ann A."), json!("hello\nyou")]),
        (json!({"display_name": null}), [json!("a@b"), json!(null), json!("hello\nyou")]),
        (json!({"bio": null}), [json!("a@b"), json!(null), json!(null)]),
    ] {
        assert_eq!(ann.patch("/users/ann", change.clone()).await.status, 204, "{change}");
        assert_eq!(profile().await, expected, "{change}");
    }
    let listed = app.api().get("/users").await.json();
    assert_eq!(listed["items"][0]["display_name"], Value::Null);
}

#[tokio::test]
async fn all_invalid_fields_are_named_and_nothing_changes() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let invalid = json!({
        "email": null,
        "password": "",
        "current_password": 1,
        "display_name": " a",
        "bio": "x".repeat(161),
    });
    assert_eq!(
        ann.patch("/users/ann", invalid).await.rejected_fields(422),
        ["email", "password", "current_password", "display_name", "bio"]
    );
    let partly_valid = json!({"bio": "hello", "email": "nothing"});
    assert_eq!(ann.patch("/users/ann", partly_valid).await.rejected_fields(422), ["email"]);
    assert_eq!(ann.get("/users/ann").await.json()["bio"], Value::Null);
}

#[tokio::test]
async fn an_error_names_each_field_once() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let values =
        [None, Some(json!(null)), Some(json!(1)), Some(json!("")), Some(json!("x".repeat(73)))];
    for password in values.iter().chain(&[Some(json!("new"))]) {
        for current in values.iter().chain(&[Some(json!("guess"))]) {
            let mut change = json!({"email": "invalid"});
            for (name, value) in [("password", password), ("current_password", current)] {
                if let Some(value) = value {
                    change[name] = value.clone();
                }
            }
            let fields = ann.patch("/users/ann", change.clone()).await.rejected_fields(422);
            let distinct: BTreeSet<&String> = fields.iter().collect();
            assert_eq!(distinct.len(), fields.len(), "{change}: {fields:?}");
        }
    }
    // The password alone changes nothing, and must still be valid.
    let with_nul = json!({"current_password": "a\0"});
    assert_eq!(ann.patch("/users/ann", with_nul).await.rejected_fields(422), ["current_password"]);
    let wrong_type = json!({"password": "new", "current_password": 1});
    assert_eq!(
        ann.patch("/users/ann", wrong_type).await.rejected_fields(422),
        ["current_password"]
    );
}

#[tokio::test]
async fn a_new_password_requires_the_current_one_and_ends_all_tokens_and_sessions() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let other = app.api().signed_in("ann").await;
    let bob = app.api_user("bob").await;
    let browser = app.anonymous();
    browser.sign_in("ann").await;

    let change = json!({"password": "new secret"});
    assert_eq!(ann.patch("/users/ann", change).await.rejected_fields(422), ["current_password"]);
    for guess in ["guess", "", &"x".repeat(73)] {
        let change = json!({"password": "new secret", "current_password": guess, "bio": "hello"});
        assert_eq!(
            ann.patch("/users/ann", change).await.rejected_fields(403),
            ["current_password"]
        );
    }
    assert_eq!(ann.get("/users/ann").await.json()["bio"], Value::Null);
    browser.visit("/").await.says("My Timeline");

    let change = json!({"password": "new secret", "current_password": "secret"});
    assert_eq!(ann.patch("/users/ann", change).await.status, 204);
    for token in [&ann, &other] {
        token.get("/users/ann").await.problem(401);
    }
    browser.visit("/").await.does_not_say("My Timeline");
    app.api().make_token("ann", "secret").await.problem(401);
    assert_eq!(app.api().make_token("ann", "new secret").await.status, 201);
    assert_eq!(bob.get("/tokens").await.status, 200);
}

#[tokio::test]
async fn deleting_an_account_deletes_all_data_of_its_user() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let browser = app.anonymous();
    browser.sign_in("ann").await;
    browser.say("hidden").await;
    app.simulator().tweet("bob", "I stay").await;
    app.execute("UPDATE messages SET flagged = true WHERE text = 'hidden'").await;
    browser.say("and thanks").await;
    ann.put("/following/bob").await;
    bob.put("/following/ann").await;
    app.anonymous().get("/public").await.says("and thanks").says("I stay");

    for body in [json!({}), json!({"password": 7})] {
        let response = ann.post("/account/deletion", body).await;
        assert_eq!(response.rejected_fields(422), ["password"]);
    }
    let response = ann.post("/account/deletion", json!({"password": "guess"})).await;
    assert_eq!(response.rejected_fields(403), ["password"]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);

    let response = ann.post("/account/deletion", json!({"password": "secret"})).await;
    assert_eq!((response.status, response.body.as_str()), (204, ""));
    app.anonymous().get("/public").await.says("I stay").does_not_say("and thanks");
    ann.get("/users/bob").await.problem(401);
    app.api().get("/users/ann").await.problem(404);
    app.api().make_token("ann", "secret").await.problem(401);
    browser.visit("/").await.does_not_say("My Timeline");
    let left = "SELECT (SELECT count(*) FROM users) * 1000 + (SELECT count(*) FROM messages) * 100
                    + (SELECT count(*) FROM follows) * 10 + (SELECT count(*) FROM sessions)";
    assert_eq!(app.count(left).await, 1100);
    // The username can be used again.
    assert_eq!(app.api().sign_up("ann").await.status, 201);
}

#[tokio::test]
async fn another_users_account_cannot_be_changed() {
    let app = App::start().await;
    let bob = app.api_user("bob").await;
    app.api_user("ann").await;
    bob.patch("/users/ann", json!({"bio": "hacked"})).await.problem(403);
    for unknown in ["/users/unknown", "/users/a%2Fb"] {
        bob.patch(unknown, json!({"bio": "hacked"})).await.problem(404);
    }
    bob.delete("/users/ann").await.problem(405);
    assert_eq!(app.count("SELECT count(*) FROM users WHERE bio IS NULL").await, 2);
}

#[tokio::test]
async fn a_large_account_is_deleted_completely_and_in_chunks() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.execute(
        "INSERT INTO users (username, email, password_hash)
             SELECT 'fan ' || n, 'a@b', '$2b$10$' || repeat('a', 53) FROM generate_series(1, 2500) AS n;
         INSERT INTO messages (author_id, text, flagged)
             SELECT user_id, 'message ' || n, n % 3 = 0
             FROM users, generate_series(1, 3000) AS n WHERE username = 'ann';
         INSERT INTO follows (follower_id, followee_id)
             SELECT fan.user_id, ann.user_id FROM users AS fan, users AS ann
             WHERE fan.username LIKE 'fan %' AND ann.username = 'ann';
         INSERT INTO follows (follower_id, followee_id)
             SELECT ann.user_id, fan.user_id FROM users AS fan, users AS ann
             WHERE fan.username LIKE 'fan %1' AND ann.username = 'ann'",
    )
    .await;
    let count_rows_per_statement = "
        CREATE TABLE deletions (rows bigint NOT NULL);
        CREATE FUNCTION record_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO deletions SELECT count(*) FROM deleted; RETURN NULL; END $$;
        CREATE TRIGGER recorded AFTER DELETE ON messages REFERENCING OLD TABLE AS deleted
            FOR EACH STATEMENT EXECUTE FUNCTION record_deletion();
        CREATE TRIGGER recorded AFTER DELETE ON follows REFERENCING OLD TABLE AS deleted
            FOR EACH STATEMENT EXECUTE FUNCTION record_deletion()";
    app.execute(count_rows_per_statement).await;
    let response = ann.post("/account/deletion", json!({"password": "secret"})).await;
    assert_eq!((response.status, response.body.as_str()), (204, ""));
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2500);
    let left = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM follows)";
    assert_eq!(app.count(left).await, 0);
    assert_eq!(app.count("SELECT sum(rows)::bigint FROM deletions").await, 3000 + 2500 + 250);
    // One statement deletes at most 1,000 messages, 1,000 followers and 1,000 followees, so that locks
    // are short. Here the largest deletes 1,000 followers and 250 followees.
    assert_eq!(app.count("SELECT max(rows) FROM deletions").await, 1250);
}

/// The deletion locks the user's row. Requests that wait for the lock then find no row.
#[tokio::test]
async fn a_user_who_is_deleted_during_a_request_is_not_found() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let simulator = app.simulator();
    let deletion = app.database.hold("DELETE FROM users WHERE username = 'ann'").await;
    let keyed = {
        let request = ann.request(Method::POST, "/messages").json(&json!({"text": "hello"}));
        request.header("Idempotency-Key", "k")
    };
    let requests: [BoxFuture<'static, u16>; 5] = [
        async move { ann.post("/messages", json!({"text": "hello"})).await.status }.boxed(),
        async move { TestResponse::of(keyed).await.status }.boxed(),
        async move { bob.put("/following/ann").await.status }.boxed(),
        {
            let simulator = simulator.clone();
            async move { simulator.tweet("ann", "hello").await.status }.boxed()
        },
        async move { simulator.follow("ann", "bob").await.status }.boxed(),
    ];
    // One at a time, so that no two requests share a statement.
    let mut waiting = Vec::new();
    for (count, request) in (1..).zip(requests) {
        waiting.push(tokio::spawn(request));
        app.database.waiting_statements(count).await;
    }
    deletion.commit().await;
    for request in waiting {
        assert_eq!(request.await.expect("no panic"), 404);
    }
}
