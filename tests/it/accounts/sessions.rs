//! Sessions: the cookie, the hash in the database, and how they end.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use minitwit::http::middleware::trusted_proxies::TrustedProxies;
use reqwest::{Method, header};
use sha2::{Digest, Sha256};

use super::{cookies, session_token};
use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "secret")];

/// The username in the navigation for a browser with this cookie.
async fn viewer_with(app: &App, cookie: &str) -> Option<String> {
    let request = app.anonymous().request(Method::GET, "/public").header(header::COOKIE, cookie);
    let page = TestResponse::of(request).await;
    assert_eq!(page.status, 200);
    let name = page.body.split("sign out [").nth(1)?;
    Some(name.split(']').next().expect("a bracket").to_owned())
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/").await.status == 200
}

#[tokio::test]
async fn the_cookie_is_httponly_and_same_site() {
    let app = App::start().await;
    let browser = app.anonymous();
    browser.sign_up("alice").await;
    let response = browser.post("/login", &ALICE).await;
    let [cookie] = cookies(&response, "session")[..] else { panic!("one session: {response:?}") };
    let attributes: Vec<_> = cookie.split(';').skip(1).map(str::trim).collect();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(&attribute), "{cookie}");
    }
    assert!(!attributes.contains(&"Secure"), "{cookie}: not behind TLS");
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn the_cookie_is_secure_if_a_trusted_proxy_used_https() {
    let trusting = App::start_with(TestDatabase::fresh().await, |settings| {
        let proxies = ["127.0.0.1/32".parse().expect("a network")];
        settings.server.trusted_proxies = TrustedProxies::new(&proxies);
    })
    .await;
    let distrusting = App::start().await;
    for (app, scheme, secure) in
        [(&trusting, "https", true), (&trusting, "http", false), (&distrusting, "https", false)]
    {
        app.anonymous().sign_up("alice").await;
        let request = app.anonymous().request(Method::POST, "/login").form(&ALICE);
        let response = TestResponse::of(request.header("x-forwarded-proto", scheme)).await;
        for name in ["session", "flash"] {
            let [cookie] = cookies(&response, name)[..] else { panic!("one {name}: {response:?}") };
            assert_eq!(cookie.contains("; Secure"), secure, "{scheme} {cookie}");
        }
    }
}

#[tokio::test]
async fn the_database_contains_only_a_hash_of_the_token() {
    let app = App::start().await;
    let browser = app.anonymous();
    browser.sign_up("alice").await;
    let token = session_token(&browser.post("/login", &ALICE).await);
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
    assert_eq!(bytes.len(), 32, "256 bits");
    let (row, stored): (String, Vec<u8>) =
        sqlx::query_as("SELECT sessions::text, token_hash FROM sessions")
            .fetch_one(&app.rows)
            .await
            .expect("one row");
    assert_eq!(stored, Sha256::digest(&bytes).as_slice());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!row.contains(&token) && !row.contains(&hex), "{row}");

    let stored = URL_SAFE_NO_PAD.encode(&stored);
    assert_eq!(viewer_with(&app, &format!("session={token}")).await.as_deref(), Some("alice"));
    assert_eq!(viewer_with(&app, &format!("session={stored}")).await, None);
}

#[tokio::test]
async fn each_sign_in_gets_a_new_token() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let fixed = URL_SAFE_NO_PAD.encode([7; 32]);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let request = app.anonymous().request(Method::POST, "/login").form(&ALICE);
        let request = request.header(header::COOKIE, format!("session={fixed}"));
        tokens.push(session_token(&TestResponse::of(request).await));
    }
    let browser = app.anonymous();
    for _ in 0..2 {
        tokens.push(session_token(&browser.post("/login", &ALICE).await));
        browser.post("/logout", &[]).await;
    }
    tokens.push(fixed.clone());
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 6, "{tokens:?}");
    assert_eq!(viewer_with(&app, &format!("session={fixed}")).await, None);
}

#[tokio::test]
async fn signing_out_ends_only_this_session() {
    let app = App::start().await;
    let phone = app.signed_in("alice").await;
    let laptop = app.anonymous();
    let token = session_token(&laptop.post("/login", &ALICE).await);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 2);

    let answer = laptop.post("/logout", &[]).await;
    let [cookie] = cookies(&answer, "session")[..] else { panic!("one cookie: {answer:?}") };
    assert!(cookie.contains("=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(
        viewer_with(&app, &format!("session={token}")).await,
        None,
        "the token is invalid as well"
    );
    assert!(!is_signed_in(&laptop).await);
    assert!(is_signed_in(&phone).await);
}

#[tokio::test]
async fn an_expired_session_is_rejected() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    assert!(is_signed_in(&alice).await);
    app.execute(
        "UPDATE sessions SET created_at = now() - interval '2 days',
                             expires_at = now() - interval '1 second'",
    )
    .await;
    assert_eq!(alice.get("/").await.header("location"), "/public");
    alice.get("/public").await.says("sign in").does_not_say("[alice]");
    assert_eq!(alice.post("/add_message", &[("text", "hello")]).await.status, 401);
    let alive = "SELECT count(*) FROM sessions WHERE expires_at > now()";
    assert_eq!(app.count(alive).await, 0, "a request does not extend an expired session");
    alice.sign_in("alice").await.says("You were logged in");
}

#[tokio::test]
async fn using_a_session_extends_it() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.service.session_lifetime = 10 * DAY;
    })
    .await;
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob").await;
    app.execute("UPDATE sessions SET expires_at = now() + interval '1 minute'").await;
    let days_left = "SELECT round(extract(epoch FROM max(expires_at) - now()) / 86400)::bigint
                     FROM sessions JOIN users USING (user_id) WHERE username = ";
    assert!(is_signed_in(&alice).await);
    let alices = format!("{days_left}'alice'");
    let bobs = format!("{days_left}'bob'");
    for (query, days) in [(alices, 10), (bobs, 0)] {
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&app.rows)
            .await
            .expect("a number");
        assert_eq!(left, days);
    }
    assert!(is_signed_in(&bob).await);
}

#[tokio::test]
async fn a_malformed_cookie_is_ignored() {
    let app = App::start().await;
    app.signed_in("alice").await;
    for value in [
        "",
        "x",
        "alice",
        "1",
        "%00",
        "\"quoted\"",
        &"A".repeat(43),
        &"A".repeat(5_000),
        "' OR 1=1 --",
    ] {
        assert_eq!(viewer_with(&app, &format!("session={value}")).await, None, "{value}");
        let request = app.anonymous().request(Method::POST, "/logout");
        let response =
            TestResponse::of(request.header(header::COOKIE, format!("session={value}"))).await;
        assert_eq!(response.status, 302, "{value}");
    }
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn the_text_of_a_forged_flash_cookie_is_not_shown() {
    let app = App::start().await;
    let words = URL_SAFE_NO_PAD.encode(r#"["Your account is closed"]"#);
    let name = URL_SAFE_NO_PAD.encode(r#"[{"Followed":"<script>alert(1)</script>"}]"#);
    for value in [&words, &name, "x", "%%%", "W10"] {
        let request = app.anonymous().request(Method::GET, "/public");
        let page = TestResponse::of(request.header(header::COOKIE, format!("flash={value}"))).await;
        assert_eq!(page.status, 200, "{value}");
        page.does_not_say("closed").does_not_say("<script>");
    }
}

#[tokio::test]
async fn a_session_survives_a_restart_and_works_on_every_replica() {
    let app = App::start().await;
    let browser = app.anonymous();
    browser.sign_up("alice").await;
    let token = session_token(&browser.post("/login", &ALICE).await);
    let cookie = format!("session={token}");
    let app = App::start_on(app.stop().await).await;
    let replica = app.replica().await;
    for server in [&app, &replica] {
        assert_eq!(viewer_with(server, &cookie).await.as_deref(), Some("alice"));
    }
    let logout = replica.anonymous().request(Method::POST, "/logout");
    TestResponse::of(logout.header(header::COOKIE, &cookie)).await;
    assert_eq!(viewer_with(&app, &cookie).await, None);
}
