//! Users of other systems: their passwords, names and addresses.

use serde_json::json;

use crate::support::{
    App,
    actors::{Browser, encode},
};

/// The scheme and the hash of `secret`, as the other systems store it.
const HASHES: &[(&str, &str)] = &[
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
    (
        "werkzeug_pbkdf2",
        "pbkdf2:sha256:50000$fvo2aT3d$5e50477c80da76915211ad5b0341e2ef3b11b70303bdf1c2725011e4378f7835",
    ),
    (
        "werkzeug_pbkdf2",
        "pbkdf2:sha512:1000$fvo2aT3d$d0e0010e0a9c62c8bc8d61bfe51168f48e5085400292abb35eea845efce530e13879516d359af9d8c5d67ed7092fbc3d2fdda965dc8ff06e587df5dad0823bba",
    ),
    (
        "werkzeug_scrypt",
        "scrypt:32768:8:1$2kQ8d6Wm4nVtRzXy$80442218330402c24f8f6fe6c5008cff7935217b0d6a57c2c6d6f6c266806cc61502aa0948307ba56a8e14390f7a515c1076db645a0ed657cf2cc39ea8bfaa34",
    ),
    (
        "predecessor_pbkdf2",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERQ==$xlC/xSEHbXc8nx8JBBWedrhZM5vlXYUYsRDi62QReKxjPgc/BuzueYBXAAI4Hdc83bJBo65FoYqj3llSzUvDMvS7EuRUHw==",
    ),
];
/// Hashes of werkzeug of passwords that bcrypt cannot hold: the empty one, and one of 80 bytes.
const HASH_OF_EMPTY: &str =
    "pbkdf2:sha256:1000$fvo2aT3d$0289ad3644e8331660f1f1ec4c23d4f27956817b2d5451bbf8b64ee8b1debecc";
const HASH_OF_LONG: &str =
    "pbkdf2:sha256:1000$fvo2aT3d$abff8a8e2831b5d362eb94b5e01dc6cfe9f2db0f34d93e6b12f7fe03c6bab391";

async fn import(app: &App, name: &str, (scheme, hash): (&str, &str)) {
    let insert = "INSERT INTO users (username, email, password_scheme, password_hash, imported)
                  VALUES ($1, 'none', $2, $3, true)";
    let query = sqlx::query(insert).bind(name).bind(scheme).bind(hash);
    query.execute(&app.rows).await.expect(name);
}

/// The stored scheme and hash.
async fn stored(app: &App, name: &str) -> (String, String) {
    let query = "SELECT password_scheme, password_hash FROM users WHERE username = $1";
    sqlx::query_as(query).bind(name).fetch_one(&app.rows).await.expect("a hash")
}

async fn sign_in(app: &App, name: &str, password: &str) -> Browser {
    let browser = app.anonymous();
    let form = [("username", name), ("password", password)];
    browser.submit("/login", &form).await.says("You were logged in");
    browser
}

async fn is_rejected(app: &App, name: &str, password: &str) {
    let form = [("username", name), ("password", password)];
    app.anonymous().submit("/login", &form).await.says("Invalid password");
}

#[tokio::test]
async fn a_sign_in_with_an_old_password_replaces_its_hash_and_ends_no_session() {
    let app = App::start().await;
    for (number, (scheme, hash)) in HASHES.iter().enumerate() {
        for way in ["page", "token"] {
            let name = format!("{way} {number}");
            import(&app, &name, (scheme, hash)).await;
            let session = "INSERT INTO sessions (token_hash, user_id, expires_at)
                           SELECT sha256(username::bytea), user_id, now() + interval '1 day'
                           FROM users WHERE username = $1";
            sqlx::query(session).bind(&name).execute(&app.rows).await.expect("a session");

            is_rejected(&app, &name, "Secret").await;
            assert_eq!(stored(&app, &name).await, (scheme.to_string(), hash.to_string()));
            if way == "page" {
                sign_in(&app, &name, "secret").await;
            } else {
                assert_eq!(app.api().make_token(&name, "secret").await.status, 201, "{scheme}");
            }
            let (new_scheme, new_hash) = stored(&app, &name).await;
            assert_eq!((new_scheme.as_str(), new_hash == *hash), ("bcrypt", *scheme == "bcrypt"));
            assert!(bcrypt::verify("secret", &new_hash).expect("a hash"), "{scheme}");
            sign_in(&app, &name, "secret").await;
            assert_eq!(stored(&app, &name).await.1, new_hash, "it is replaced once");
        }
    }
    let before = "SELECT count(*) FROM sessions JOIN users USING (user_id)
                  WHERE token_hash = sha256(username::bytea)";
    assert_eq!(app.count(before).await, 2 * i64::try_from(HASHES.len()).expect("few"));
}

#[tokio::test]
async fn an_old_password_that_bcrypt_cannot_hold_signs_in_and_can_be_changed() {
    let app = App::start().await;
    let long = "long ".repeat(16);
    for (name, hash, password) in [("none", HASH_OF_EMPTY, ""), ("long", HASH_OF_LONG, &long)] {
        import(&app, name, ("werkzeug_pbkdf2", hash)).await;
        let browser = sign_in(&app, name, password).await;
        assert_eq!(app.api().make_token(name, password).await.status, 201, "{name}");
        assert_eq!(stored(&app, name).await.1, hash, "the hash stays");
        is_rejected(&app, name, "x").await;
        let form = [("current", password), ("new", "another"), ("repeated", "another")];
        assert_eq!(browser.post("/settings/password", &form).await.status, 302, "{name}");
        sign_in(&app, name, "another").await;
        assert_eq!(stored(&app, name).await.0, "bcrypt");
        is_rejected(&app, name, password).await;
    }
}

#[tokio::test]
async fn concurrent_sign_ins_with_an_old_hash_all_succeed() {
    let app = App::start().await;
    import(&app, "ann", HASHES[4]).await;
    let api = app.api();
    let attempts = (0..6).map(|_| api.make_token("ann", "secret"));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [201; 6]);
}

#[tokio::test]
async fn an_old_name_that_no_new_user_may_have_signs_in_and_has_a_page() {
    let app = App::start().await;
    let (longer, longest) = ("x".repeat(65), "é".repeat(512));
    let names =
        [" ann", "ann ", "a\nb", "a\u{1}b", "login", "\u{3000}", "\u{200b}", &longer, &longest];
    import(&app, "ann", HASHES[0]).await;
    for (number, name) in names.into_iter().enumerate() {
        import(&app, name, HASHES[4]).await;
        let path = format!("/users/{}", encode(name));
        let signed_in = app.api().signed_in(name).await;
        assert_eq!(signed_in.get(&path).await.json()["username"], *name, "{name:?}");
        let browser = sign_in(&app, name, "secret").await;
        browser.say(&format!("hello from {number}")).await;
        let page = app.anonymous().visit(&path).await;
        page.says(&format!("hello from {number}"));
        assert_eq!(app.simulator().tweet(name, "again").await.status, 204, "{name:?}");
        let rejected = app.api().sign_up(name).await.rejected_fields(422);
        assert_eq!(rejected[0], "username", "{name:?}");
    }
    app.anonymous().get("/public").await.says("hello from");
    let feed = app.anonymous().get("/public.atom").await;
    roxmltree::Document::parse(&feed.body).expect("well-formed");
}

#[tokio::test]
async fn an_old_address_that_is_none_stays_until_it_is_changed() {
    let app = App::start().await;
    import(&app, "ann", HASHES[4]).await;
    let browser = sign_in(&app, "ann", "secret").await;
    browser.get("/settings").await.says("value=\"none\"");
    let form = |email| [("display_name", "Ann"), ("bio", "hi"), ("email", email)];
    assert_eq!(browser.post("/settings/profile", &form("none")).await.status, 302);
    assert_eq!(browser.post("/settings/profile", &form("other")).await.status, 400);
    let api = app.api().signed_in("ann").await;
    assert_eq!(api.get("/users/ann").await.json()["email"], "none");
    assert_eq!(api.patch("/users/ann", json!({"bio": "hello"})).await.status, 204);
    let kept = "SELECT count(*) FROM users WHERE email = 'none' AND bio = 'hello'";
    assert_eq!(app.count(kept).await, 1);
    assert_eq!(browser.post("/settings/profile", &form("a@b")).await.status, 302);
    assert_eq!(app.count("SELECT count(*) FROM users WHERE email = 'a@b'").await, 1);
}
