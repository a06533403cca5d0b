//! Passwords in different Unicode forms, and the renewal of hashes that earlier programs made.

use serde_json::json;

use crate::support::{App, actors::Browser};

const COMPOSED: &str = "p\u{e4}ssw\u{f6}rd";
const DECOMPOSED: &str = "pa\u{308}sswo\u{308}rd";

async fn sign_in(app: &App, password: &str) -> Browser {
    let browser = app.anonymous();
    let form = [("username", "alice"), ("password", password)];
    browser.submit("/login", &form).await.says("You were logged in");
    browser
}

async fn store_hash_of(app: &App, password: &str) {
    let hash = bcrypt::hash(password, 4).expect("a hash");
    let update = "UPDATE users SET password_hash = $1";
    sqlx::query(update).bind(hash).execute(&app.rows).await.expect("updated");
}

async fn stored_hash(app: &App) -> String {
    let query = "SELECT password_hash FROM users";
    sqlx::query_scalar(query).fetch_one(&app.rows).await.expect("a hash")
}

#[tokio::test]
async fn each_unicode_form_of_a_password_signs_in() {
    for (registered, entered) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
        let app = App::start().await;
        let user = json!({"username": "alice", "email": "a@b", "pwd": registered});
        assert_eq!(app.simulator().post("/register", user).await.status, 204);
        let hash = stored_hash(&app).await;
        for password in [registered, entered] {
            sign_in(&app, password).await;
            assert_eq!(app.api().make_token("alice", password).await.status, 201);
        }
        assert_eq!(stored_hash(&app).await, hash, "nothing to renew");
        let form = [("username", "alice"), ("password", "passwo\u{308}rd")];
        app.anonymous().submit("/login", &form).await.says("Invalid password");
    }
}

#[tokio::test]
async fn the_length_of_a_password_is_that_of_its_normal_form() {
    let app = App::start().await;
    let register = async |name: &str, password: String| {
        let user = json!({"username": name, "email": "a@b", "pwd": password});
        app.simulator().post("/register", user).await
    };
    assert_eq!(register("just", "e\u{301}".repeat(36)).await.status, 204);
    let text = register("long", "e\u{301}".repeat(37)).await.failure(400);
    assert!(text.contains("72 bytes"), "{text}");
    // NFC writes this letter with twice as many bytes, and earlier programs accepted it.
    assert_eq!(register("nukta", "\u{958}".repeat(24)).await.status, 204);
    let form = [("username", "nukta"), ("password", &"\u{958}".repeat(24))];
    app.anonymous().submit("/login", &form).await.says("You were logged in");
}

#[tokio::test]
async fn a_hash_of_another_form_is_renewed_at_sign_in_and_ends_no_session() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    store_hash_of(&app, DECOMPOSED).await;
    let old = stored_hash(&app).await;
    app.anonymous()
        .submit("/login", &[("username", "alice"), ("password", COMPOSED)])
        .await
        .says("Invalid password");
    assert_eq!(alice.get("/").await.status, 302, "a new password ends the session");

    // Sessions and tokens from before the renewal.
    app.execute(
        "INSERT INTO sessions (token_hash, user_id, expires_at)
         SELECT sha256('before'), user_id, now() + interval '1 day' FROM users;
         INSERT INTO api_tokens (token_hash, user_id, name, expires_at, scopes)
         SELECT sha256('before'), user_id, 'before', now() + interval '1 day', '{read}' FROM users",
    )
    .await;
    let browser = sign_in(&app, DECOMPOSED).await;
    assert_eq!(browser.get("/").await.status, 200);
    let renewed = stored_hash(&app).await;
    assert_ne!(renewed, old);
    assert!(bcrypt::verify(COMPOSED, &renewed).expect("a hash"));
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM api_tokens").await, 1);
    for password in [COMPOSED, DECOMPOSED] {
        sign_in(&app, password).await;
    }
    assert_eq!(stored_hash(&app).await, renewed, "it is renewed once");
}

#[tokio::test]
async fn every_confirmation_of_a_password_accepts_and_renews_an_old_hash() {
    for path in ["/settings/password", "/settings/tokens", "/settings/account/delete"] {
        let app = App::start().await;
        app.signed_in("alice").await;
        store_hash_of(&app, DECOMPOSED).await;
        let alice = app.anonymous();
        // The hash of the other form, so that the sign-in itself renews nothing.
        store_hash_of(&app, COMPOSED).await;
        alice.submit("/login", &[("username", "alice"), ("password", COMPOSED)]).await;
        let old = bcrypt::hash(DECOMPOSED, 4).expect("a hash");
        let update = "UPDATE users SET password_hash = $1, password_renewed_at = now()";
        sqlx::query(update).bind(old).execute(&app.rows).await.expect("updated");
        let form = [
            ("current", DECOMPOSED),
            ("new", "another"),
            ("repeated", "another"),
            ("password", DECOMPOSED),
            ("name", "phone"),
        ];
        let answer = alice.post(path, &form).await;
        assert!(matches!(answer.status, 200 | 302), "{path}: {answer:?}");
        answer.does_not_say("Invalid password");
    }
}

#[tokio::test]
async fn concurrent_sign_ins_with_an_old_hash_all_succeed() {
    let app = App::start().await;
    app.signed_in("alice").await;
    store_hash_of(&app, DECOMPOSED).await;
    let api = app.api();
    let attempts = (0..8).map(|_| api.make_token("alice", DECOMPOSED));
    let answers = futures_util::future::join_all(attempts).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201; 8]);
    assert!(bcrypt::verify(COMPOSED, &stored_hash(&app).await).expect("a hash"));
}
