//! What users change of their own accounts, and how they leave.

use futures_util::{FutureExt, future::BoxFuture};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, actors::Answer};

#[tokio::test]
async fn what_is_absent_stays_and_null_takes_away() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let shown = async || {
        let user = ann.get("/users/ann").await.json();
        ["email", "display_name", "bio"].map(|field| user[field].clone())
    };
    assert_eq!(shown().await, [json!("ann@example.org"), Value::Null, Value::Null]);

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
        assert_eq!(shown().await, expected, "{change}");
    }
    let listed = app.api().get("/users").await.json();
    assert_eq!(listed["items"][0]["display_name"], Value::Null);
}

#[tokio::test]
async fn every_wrong_change_is_named_at_once_and_none_is_made() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let wrong = json!({
        "email": null,
        "password": "",
        "current_password": 1,
        "display_name": " a",
        "bio": "x".repeat(161),
    });
    assert_eq!(
        ann.patch("/users/ann", wrong).await.refused_fields(422),
        ["email", "password", "current_password", "display_name", "bio"]
    );
    let half = json!({"bio": "hello", "email": "nothing"});
    assert_eq!(ann.patch("/users/ann", half).await.refused_fields(422), ["email"]);
    assert_eq!(ann.get("/users/ann").await.json()["bio"], Value::Null);
}

#[tokio::test]
async fn a_new_password_needs_the_current_one_and_ends_all_tokens_and_sessions() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let other = app.api().signed_in("ann").await;
    let bob = app.api_user("bob").await;
    let browser = app.anonymous();
    browser.sign_in("ann").await;

    let wish = json!({"password": "new secret"});
    assert_eq!(ann.patch("/users/ann", wish).await.refused_fields(422), ["current_password"]);
    for guess in ["guess", "", &"x".repeat(73)] {
        let wish = json!({"password": "new secret", "current_password": guess, "bio": "hello"});
        assert_eq!(ann.patch("/users/ann", wish).await.refused_fields(403), ["current_password"]);
    }
    assert_eq!(ann.get("/users/ann").await.json()["bio"], Value::Null);
    browser.visit("/").await.says("My Timeline");

    let wish = json!({"password": "new secret", "current_password": "secret"});
    assert_eq!(ann.patch("/users/ann", wish).await.status, 204);
    for token in [&ann, &other] {
        token.get("/users/ann").await.problem(401);
    }
    browser.visit("/").await.does_not_say("My Timeline");
    app.api().make_token("ann", "secret").await.problem(401);
    assert_eq!(app.api().make_token("ann", "new secret").await.status, 201);
    assert_eq!(bob.get("/tokens").await.status, 200);
}

#[tokio::test]
async fn who_leaves_takes_everything_along() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let browser = app.anonymous();
    browser.sign_in("ann").await;
    browser.say("farewell").await;
    app.simulator().tweet("bob", "I stay").await;
    app.execute("UPDATE messages SET flagged = true WHERE text = 'farewell'").await;
    browser.say("and thanks").await;
    ann.put("/following/bob").await;
    bob.put("/following/ann").await;
    app.anonymous().get("/public").await.says("and thanks").says("I stay");

    for (body, fields) in [(json!({}), ["password"]), (json!({"password": 7}), ["password"])] {
        let answer = ann.send(Method::DELETE, "/users/ann", body).await;
        assert_eq!(answer.refused_fields(422), fields);
    }
    let answer = ann.send(Method::DELETE, "/users/ann", json!({"password": "guess"})).await;
    assert_eq!(answer.refused_fields(403), ["password"]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);

    let answer = ann.send(Method::DELETE, "/users/ann", json!({"password": "secret"})).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    app.anonymous().get("/public").await.says("I stay").does_not_say("and thanks");
    ann.get("/users/bob").await.problem(401);
    app.api().get("/users/ann").await.problem(404);
    app.api().make_token("ann", "secret").await.problem(401);
    browser.visit("/").await.does_not_say("My Timeline");
    let left = "SELECT (SELECT count(*) FROM users) * 1000 + (SELECT count(*) FROM messages) * 100
                    + (SELECT count(*) FROM follows) * 10 + (SELECT count(*) FROM sessions)";
    assert_eq!(app.count(left).await, 1100);
    // The name is free again.
    assert_eq!(app.api().sign_up("ann").await.status, 201);
}

#[tokio::test]
async fn nobody_changes_or_deletes_what_is_anothers() {
    let app = App::start().await;
    let bob = app.api_user("bob").await;
    app.api_user("ann").await;
    let farewell = json!({"password": "secret"});
    bob.patch("/users/ann", json!({"bio": "hacked"})).await.problem(403);
    bob.send(Method::DELETE, "/users/ann", farewell.clone()).await.problem(403);
    for nobody in ["/users/nobody", "/users/a%2Fb"] {
        bob.patch(nobody, json!({"bio": "hacked"})).await.problem(404);
        bob.send(Method::DELETE, nobody, farewell.clone()).await.problem(404);
    }
    assert_eq!(app.count("SELECT count(*) FROM users WHERE bio IS NULL").await, 2);
}

#[tokio::test]
async fn a_large_account_goes_as_a_whole_and_bit_by_bit() {
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
    let deleted_at_once = "
        CREATE TABLE deletions (rows bigint NOT NULL);
        CREATE FUNCTION note_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO deletions SELECT count(*) FROM gone; RETURN NULL; END $$;
        CREATE TRIGGER noted AFTER DELETE ON messages REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION note_deletion();
        CREATE TRIGGER noted AFTER DELETE ON follows REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION note_deletion()";
    app.execute(deleted_at_once).await;
    let answer = ann.send(Method::DELETE, "/users/ann", json!({"password": "secret"})).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2500);
    let left = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM follows)";
    assert_eq!(app.count(left).await, 0);
    assert_eq!(app.count("SELECT sum(rows)::bigint FROM deletions").await, 3000 + 2500 + 250);
    // Nobody waits for more than this to go: a thousand of each kind and direction.
    assert_eq!(app.count("SELECT max(rows) FROM deletions").await, 1250);
}

/// The row of somebody who is being deleted is locked, and is gone when the lock is.
#[tokio::test]
async fn who_is_deleted_meanwhile_is_unknown() {
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
        async move { Answer::of(keyed).await.status }.boxed(),
        async move { bob.put("/following/ann").await.status }.boxed(),
        {
            let simulator = simulator.clone();
            async move { simulator.tweet("ann", "hello").await.status }.boxed()
        },
        async move { simulator.follow("ann", "bob").await.status }.boxed(),
    ];
    // One after the other, so that they do not share a statement.
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
