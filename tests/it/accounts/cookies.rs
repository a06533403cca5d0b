//! Cookies of other programs and of other instances on the same host.

use minitwit::http::middleware::trusted_proxies::TrustedProxies;
use reqwest::{
    Method,
    header::{self, HeaderValue},
};

use super::{cookies, session_token};
use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "secret")];

/// A server that trusts the forwarding headers of its clients.
async fn behind_a_proxy(database: TestDatabase) -> App {
    App::start_with(database, |settings| {
        let proxies = ["127.0.0.1/32".parse().expect("a network")];
        settings.server.trusted_proxies = TrustedProxies::new(&proxies);
    })
    .await
}

/// Signs alice in. Returns the pair of name and value of her session's cookie.
async fn session_cookie(app: &App, scheme: &str) -> String {
    let login = app.anonymous().request(Method::POST, "/login").form(&ALICE);
    let answer = TestResponse::of(login.header("x-forwarded-proto", scheme)).await;
    let [cookie] = cookies(&answer, "session")[..] else { panic!("one session: {answer:?}") };
    cookie.split(';').next().expect("a pair").to_owned()
}

async fn public_with(app: &App, cookie: impl AsRef<[u8]>, scheme: &str) -> TestResponse {
    let cookie = HeaderValue::from_bytes(cookie.as_ref()).expect("a value");
    let request = app.anonymous().request(Method::GET, "/public");
    let request = request.header(header::COOKIE, cookie).header("x-forwarded-proto", scheme);
    TestResponse::of(request).await
}

async fn is_signed_in_with(app: &App, cookie: impl AsRef<[u8]>, scheme: &str) -> bool {
    public_with(app, cookie, scheme).await.body.contains("sign out [alice]")
}

#[tokio::test]
async fn another_cookie_of_any_form_does_not_sign_out() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let session = session_cookie(&app, "http").await;
    for other in [
        "by=København".as_bytes(),
        b"by=K\xf8benhavn",
        b"\xff\xfe\xfd",
        b"=",
        b"a",
        b"a=\"b; c\"",
        b"%=%FF",
        b"session_=x",
        b"flash=\xff",
        b"a=1,b=2",
    ] {
        for line in [[other, session.as_bytes()], [session.as_bytes(), other]] {
            let line = line.join(&b"; "[..]);
            assert!(is_signed_in_with(&app, &line, "http").await, "{}", line.escape_ascii());
            let stream = app.anonymous().request(Method::GET, "/api/v1/stream?timeline=own");
            let value = HeaderValue::from_bytes(&line).expect("a value");
            let stream = TestResponse::of(stream.header(header::COOKIE, value)).await;
            assert_eq!(stream.status, 200, "{}", line.escape_ascii());
        }
    }
}

#[tokio::test]
async fn each_of_several_session_cookies_is_tried() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let valid = session_cookie(&app, "http").await;
    let (name, token) = valid.split_once('=').expect("a pair");
    let unknown = format!("{name}={}", "A".repeat(43));
    for line in [
        format!("{unknown}; {valid}"),
        format!("{name}=; {name}=x; {valid}"),
        format!("{}; {valid}", [unknown.as_str(); 10].join("; ")),
        format!("{unknown}; session={token}"),
    ] {
        assert!(is_signed_in_with(&app, &line, "http").await, "{line}");
    }
    let request = app.anonymous().request(Method::POST, "/logout");
    let line = format!("{unknown}; {valid}");
    assert_eq!(TestResponse::of(request.header(header::COOKIE, line)).await.status, 302);
    assert!(!is_signed_in_with(&app, &valid, "http").await, "each of them is ended");
}

#[tokio::test]
async fn two_instances_on_one_host_do_not_sign_each_other_out() {
    let (first, second) = (App::start().await, App::start().await);
    let browser = first.anonymous();
    let other = browser.at(second.url(""));
    for browser in [&browser, &other] {
        browser.sign_up("alice").await;
        browser.sign_in("alice").await.says("You were logged in");
    }
    let is_signed_in = async |browser: &Browser| browser.get("/").await.status == 200;
    assert!(is_signed_in(&browser).await && is_signed_in(&other).await);
    other.post("/logout", &[]).await;
    // The notice of the other instance is not shown here.
    browser.get("/public").await.says("sign out [alice]").does_not_say("You were logged out");
    assert!(is_signed_in(&browser).await && !is_signed_in(&other).await);

    let replica = first.replica().await;
    assert!(is_signed_in(&browser.at(replica.url(""))).await, "replicas share the name");
}

#[tokio::test]
async fn over_https_only_a_cookie_of_this_host_counts() {
    let app = behind_a_proxy(TestDatabase::fresh().await).await;
    app.anonymous().sign_up("alice").await;
    let (secure, plain) = (session_cookie(&app, "https").await, session_cookie(&app, "http").await);
    assert!(secure.starts_with("__Host-session_"), "{secure}");
    assert!(plain.starts_with("session_"), "{plain}");
    assert_eq!(
        secure.split('=').next(),
        Some(format!("__Host-{}", plain.split('=').next().expect("a name"))).as_deref()
    );
    for (cookie, scheme, accepted) in [
        (&secure, "https", true),
        (&plain, "http", true),
        (&plain, "https", false),
        (&secure, "http", false),
    ] {
        assert_eq!(is_signed_in_with(&app, cookie, scheme).await, accepted, "{cookie} {scheme}");
    }
}

#[tokio::test]
async fn the_former_name_is_read_for_one_session_lifetime_and_replaced() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let valid = session_cookie(&app, "http").await;
    let token = valid.split('=').nth(1).expect("a token");
    let former = format!("session={token}");
    let page = public_with(&app, &former, "http").await;
    page.says("sign out [alice]");
    assert_eq!(session_token(&page), token, "the cookie gets its present name");
    let set: Vec<_> = page.headers.get_all(header::SET_COOKIE).iter().collect();
    assert!(set.iter().any(|it| it.as_bytes().starts_with(b"session=;")), "{set:?}");
    // The session of another instance keeps its cookie.
    let page = public_with(&app, format!("session={}", "A".repeat(43)), "http").await;
    assert_eq!(page.header("set-cookie"), "");

    app.execute("UPDATE instance SET created_at = now() - interval '30 days'").await;
    let later = App::start_on(app.stop().await).await;
    assert!(is_signed_in_with(&later, &valid, "http").await);
    assert!(!is_signed_in_with(&later, &former, "http").await);
}
