//! Requests without a matching page, method or media type.

use reqwest::{Method, header};

use crate::support::{App, actors::TestResponse};

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let long = format!("/{}", "a".repeat(65));
    for path in [
        "/unknown",
        "/alice%20",
        "/%20",
        "/alice%00",
        "/a%2Fb",
        "/%FF",
        "/%0A",
        "/timeline",
        "/unknown.atom",
        "/.atom",
        "/public.atom.atom",
        &long,
    ] {
        for browser in [&alice, &app.anonymous()] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 404, "{path}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            page.says("<h2>Not Found</h2>").says("There is no user named");
        }
        for verb in ["follow", "unfollow"] {
            let path = format!("{path}/{verb}");
            for page in [alice.get(&path).await, alice.post(&path, &[]).await] {
                assert_eq!(page.status, 404, "{path}");
                page.says("<h2>Not Found</h2>").says("sign out [alice]");
            }
        }
    }
    alice.get("/%3Cscript%3E").await.says("There is no user named &lt;script&gt;.");
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for path in ["/alice/nothing", "/a/b/c/d", "/static/style.css", "/static/", "/avatar/a/b"] {
        let page = anonymous.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        page.says("<h2>Not Found</h2>");
    }
}

#[tokio::test]
async fn an_unsupported_method_gets_an_error_page() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for (method, path) in [
        (Method::GET, "/add_message"),
        (Method::POST, "/public"),
        (Method::POST, "/alice"),
        (Method::DELETE, "/alice"),
        (Method::PUT, "/login"),
        (Method::PATCH, "/register"),
    ] {
        let page = TestResponse::of(alice.request(method.clone(), path)).await;
        assert_eq!(page.status, 405, "{method} {path}");
        page.says("<h2>Method Not Allowed</h2>");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_form_gets_an_error_page() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let anonymous = app.anonymous();
    for (browser, path) in
        [(&alice, "/add_message"), (&anonymous, "/login"), (&anonymous, "/register")]
    {
        let request = browser.request(Method::POST, path).body("{\"text\": \"hello\"}");
        let page = TestResponse::of(request.header(header::CONTENT_TYPE, "application/json")).await;
        assert_eq!(page.status, 415, "{path}");
        page.says("<h2>Unsupported Media Type</h2>").does_not_say("Server Error");

        let large = [("text", "a".repeat(70_000))];
        let page = TestResponse::of(browser.request(Method::POST, path).form(&large)).await;
        assert_eq!(page.status, 413, "{path}");
        page.says("<h2>Content Too Large</h2>");
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test]
async fn a_head_request_gets_the_headers_without_a_body() {
    let app = App::start().await;
    for path in ["/public", "/login"] {
        let response = TestResponse::of(app.anonymous().request(Method::HEAD, path)).await;
        assert_eq!((response.status, response.body.as_str()), (200, ""), "{path}");
        assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
    }
}
