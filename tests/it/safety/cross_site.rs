//! Cross-site request forgery (CSRF).

use nix::sys::signal::Signal;
use reqwest::Method;

use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
    process::ServerProcess,
};

type Form = &'static [(&'static str, &'static str)];

/// The requests that change state, with their forms.
const SIGNED_OUT: [(Method, &str, Form); 2] = [
    (Method::POST, "/login", &[("username", "alice"), ("password", "secret")]),
    (
        Method::POST,
        "/register",
        &[("username", "eve"), ("email", "e@v"), ("password", "x"), ("password2", "x")],
    ),
];
const SIGNED_IN: [(Method, &str, Form); 9] = [
    (Method::POST, "/add_message", &[("text", "hello")]),
    (Method::POST, "/message/1/edit", &[("text", "changed")]),
    (Method::POST, "/message/1/delete", &[]),
    (Method::GET, "/bob/follow", &[]),
    (Method::POST, "/bob/follow", &[]),
    (Method::GET, "/carol/unfollow", &[]),
    (Method::POST, "/carol/unfollow", &[]),
    (Method::GET, "/logout", &[]),
    (Method::POST, "/logout", &[]),
];

/// Signs up alice, bob and carol. Returns the browser of alice, who follows carol and has posted a message, and a
/// signed-out browser.
async fn sign_up_users(app: &App) -> [Browser; 2] {
    let alice = app.signed_in("alice").await;
    for name in ["bob", "carol"] {
        app.anonymous().sign_up(name).await;
    }
    alice.get("/carol/follow").await;
    alice.say("the first").await;
    [alice, app.anonymous()]
}

/// The rows that the requests could change.
async fn state(app: &App) -> String {
    let query = "SELECT concat((SELECT count(*) FROM users), ' users ',
                               (SELECT string_agg(text, ' ') FROM messages), ' messages ',
                               (SELECT string_agg(follows::text, ' ') FROM follows), ' follows ',
                               (SELECT count(*) FROM sessions), ' sessions')";
    sqlx::query_scalar(query).fetch_one(&app.rows).await.expect("a text")
}

async fn send(
    browser: &Browser,
    (method, path, form): &(Method, &str, Form),
    headers: &[(&str, &str)],
) -> TestResponse {
    let mut request = browser.request(method.clone(), path);
    if *method == Method::POST {
        request = request.form(form);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    TestResponse::of(request).await
}

#[tokio::test]
async fn a_request_from_another_site_changes_nothing() {
    let app = App::start().await;
    let [alice, anonymous] = sign_up_users(&app).await;
    let own = app.url("");
    let (other_port, other_scheme) = (format!("http://{}", app.simulator_address), "https://");
    let secure = own.replace("http://", other_scheme);
    let longer = format!("{own}.evil.test");
    let before = state(&app).await;
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "nonsense")],
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.test")],
        &[("origin", "http://evil.test")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "nonsense")],
        &[("origin", &other_port)],
        &[("origin", &longer)],
        &[("origin", "file://")],
        &[("origin", "http://evil.test"), ("x-forwarded-host", "evil.test")],
        &[("referer", "http://evil.test/")],
        &[("referer", &other_port)],
        &[("referer", &longer)],
        &[("referer", "http://evil.test/"), ("user-agent", "Mozilla/5.0")],
    ] {
        for (browser, requests) in [(&alice, &SIGNED_IN[..]), (&anonymous, &SIGNED_OUT)] {
            for request in requests {
                let page = send(browser, request, headers).await;
                assert_eq!(page.status, 403, "{request:?} {headers:?}");
                assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
                assert_eq!(page.header("set-cookie"), "", "{request:?} {headers:?}");
                page.says("<h2>Forbidden</h2>");
            }
        }
        assert_eq!(state(&app).await, before, "{headers:?}");
    }
    alice.get("/").await.says("sign out [alice]");
    // With an explicit port the scheme may differ, because a proxy may terminate TLS.
    let page = send(&alice, &SIGNED_IN[0], &[("origin", &secure)]).await;
    assert_eq!(page.status, 302);
}

#[tokio::test]
async fn a_request_from_this_site_or_without_a_browser_is_served() {
    for headers in [
        vec![],
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "OWN")],
        vec![("sec-fetch-site", "same-origin"), ("origin", "OWN")],
        vec![("referer", "OWN")],
        vec![("user-agent", "Mozilla/5.0 (X11; Linux)"), ("origin", "OWN")],
        vec![("user-agent", "Mozilla/5.0 (X11; Linux)"), ("sec-fetch-site", "none")],
        vec![("user-agent", "python-requests/2.32")],
    ] {
        let app = App::start().await;
        let [alice, anonymous] = sign_up_users(&app).await;
        let own = app.url("");
        let value = |value| if value == "OWN" { own.as_str() } else { value };
        let headers: Vec<_> = headers.into_iter().map(|(name, it)| (name, value(it))).collect();
        let before = state(&app).await;
        for request in &SIGNED_OUT {
            let response = send(&app.anonymous(), request, &headers).await;
            assert_eq!(response.status, 302, "{request:?} {headers:?}");
        }
        let [requests @ .., last] = &SIGNED_IN;
        let from_a_page = headers.contains(&("sec-fetch-site", "same-origin"));
        for request in requests {
            let response = send(&alice, request, &headers).await;
            // A link on a page of this site may come from another user's message.
            let rejected = from_a_page && request.0 == Method::GET;
            let status = if rejected { 403 } else { 302 };
            assert_eq!(response.status, status, "{request:?} {headers:?}");
        }
        assert_eq!(send(&anonymous, last, &headers).await.status, 302);
        assert_ne!(state(&app).await, before);
        assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM users").await, 4);
    }
}

/// A navigation over plain HTTP, which another site, or a link in a message, may have caused.
#[tokio::test]
async fn a_browser_without_proof_has_to_confirm_a_change_by_get() {
    let app = App::start().await;
    let [alice, anonymous] = sign_up_users(&app).await;
    let own = app.url("/public");
    let before = state(&app).await;
    let browser = ("user-agent", "Mozilla/5.0 (X11; Linux) Gecko/20100101");
    for headers in [&[browser][..], &[browser, ("referer", own.as_str())]] {
        for (path, question) in [
            ("/bob/follow", "Do you want to follow <bdi>bob</bdi>?"),
            ("/carol/unfollow", "Do you want to stop following <bdi>carol</bdi>?"),
            ("/logout", "Do you want to sign out?"),
        ] {
            let page = send(&alice, &(Method::GET, path, &[]), headers).await;
            assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{path}");
            page.says(question).says(&format!("action=\"{path}\" method=\"post\""));
            page.says("sign out [alice]");
            // Without a session, the request changes nothing.
            let signed_out = send(&anonymous, &(Method::GET, path, &[]), headers).await;
            assert_ne!(signed_out.status, 200, "{path}");
            signed_out.does_not_say(question);
        }
        assert_eq!(state(&app).await, before, "{headers:?}");
    }
    let unknown = send(&alice, &(Method::GET, "/nobody/follow", &[]), &[browser]).await;
    assert_eq!(unknown.status, 200, "the question does not reveal more than the action");
}

#[tokio::test]
async fn a_page_that_changes_nothing_may_be_linked_from_any_site() {
    let app = App::start().await;
    let [alice, _] = sign_up_users(&app).await;
    for path in [
        "/",
        "/public",
        "/bob",
        "/avatar/bob",
        "/message/1",
        "/message/1/edit",
        "/message/1/delete",
        "/tag/rust",
    ] {
        let request = (Method::GET, path, &[][..]);
        for header in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.test")] {
            assert_eq!(send(&alice, &request, &[header]).await.status, 200, "{path}");
        }
    }
    for path in ["/login", "/register"] {
        let request = (Method::GET, path, &[][..]);
        let page = send(&app.anonymous(), &request, &[("sec-fetch-site", "cross-site")]).await;
        assert_eq!(page.status, 200, "{path}");
    }
}

#[tokio::test]
async fn no_response_outside_the_json_api_allows_another_site_to_read_it() {
    let app = App::start().await;
    let [alice, _] = sign_up_users(&app).await;
    for path in ["/", "/sim/latest", "/openapi.json", "/metrics"] {
        let request = alice.request(Method::GET, path).header("origin", "http://evil.test");
        let response = TestResponse::of(request).await;
        for name in response.headers.keys() {
            assert!(!name.as_str().starts_with("access-control-"), "{path}: {name}");
        }
    }
}

/// Behind a proxy that passes another host, every form fails. The log says why, once.
#[tokio::test]
async fn a_refused_origin_is_logged_once_with_its_remedy() {
    for (forwarded, remedy) in [
        (None, "proxy_set_header Host $http_host"),
        (Some("twit.example.org"), "--trusted-proxies (MINITWIT_TRUSTED_PROXIES)"),
    ] {
        let database = TestDatabase::fresh().await;
        let mut serving = ServerProcess::start(&["--database-url", &database.url()]);
        let browser = Browser::new(serving.base.clone());
        for _ in 0..3 {
            let request = browser.request(Method::POST, "/login");
            let request = request.form(&[("username", "ann"), ("password", "hunter2")]);
            let mut request = request.header("origin", "https://twit.example.org");
            if let Some(host) = forwarded {
                request = request.header("x-forwarded-host", host);
            }
            assert_eq!(TestResponse::of(request).await.status, 403);
        }
        serving.end(Signal::SIGTERM);
        let output = serving.complete_output();
        let lines: Vec<&str> =
            output.lines().filter(|line| line.contains("refused as cross-site")).collect();
        assert_eq!(lines.len(), 1, "{output}");
        let host = serving.base.trim_start_matches("http://");
        for part in ["https://twit.example.org", host, remedy, "origin is not this site"] {
            assert!(lines[0].contains(part), "{part}: {output}");
        }
        assert!(!output.contains("hunter2"), "{output}");
    }
}
