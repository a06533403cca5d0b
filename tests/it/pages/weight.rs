//! The size of pages, and the hosts that they load from.

use std::fmt::Write as _;

use reqwest::{Client, header};

use crate::support::{App, actors::Browser};

/// The limit for the sum of a page and its style sheet.
///
/// A TCP sender sends ten segments, about 14 KB, before it waits for an acknowledgement (RFC 6928).
const MAX_BYTES: usize = 14 * 1_024;

/// A text of 280 characters that compresses badly.
fn long_text(number: usize) -> String {
    let mut text = String::new();
    for word in 0.. {
        let _ = write!(text, "{} ", (number * 97 + word) * 7_919 % 99_991);
        if text.len() > 280 {
            break;
        }
    }
    text.truncate(280);
    text
}

/// The size of the compressed response body.
async fn weight(app: &App, path: &str, cookie: &str) -> usize {
    let request = Client::new().get(app.url(path)).header(header::ACCEPT_ENCODING, "gzip");
    let response = request.header(header::COOKIE, cookie).send().await.expect("a response");
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{path}");
    response.bytes().await.expect("a body").len()
}

/// Signs in and returns the session cookie.
async fn cookie(browser: &Browser, username: &str) -> String {
    let form = [("username", username), ("password", "secret")];
    let response = browser.post("/login", &form).await;
    response.header("set-cookie").split(';').next().expect("a pair").to_owned()
}

/// Starts a server with a full page of long messages.
async fn start_with_full_page() -> App {
    let app = App::start().await;
    let simulator = app.simulator();
    for name in ["Milada", "Tomasz"] {
        simulator.register(name).await;
    }
    for number in 0..30 {
        simulator.tweet(["Milada", "Tomasz"][number % 2], &long_text(number)).await;
    }
    simulator.follow("Milada", "Tomasz").await;
    app
}

#[tokio::test]
async fn a_page_and_its_style_sheet_fit_one_round_trip() {
    let app = start_with_full_page().await;
    let page = app.anonymous().get("/public").await;
    let style = page.body.split('"').find(|it| it.ends_with(".css")).expect("a style sheet");
    let style = weight(&app, style, "").await;
    let session = cookie(&app.anonymous(), "Milada").await;
    let newest = app.count("SELECT max(message_id) FROM messages").await;
    let message = format!("/message/{newest}");
    for (path, cookie) in [
        ("/public", ""),
        ("/public", &*session),
        ("/", &session),
        ("/Milada", ""),
        ("/Milada", &session),
        ("/Milada/followers", ""),
        ("/Tomasz/following", &session),
        ("/search?q=1", &session),
        ("/settings", &session),
        (&message, &session),
        ("/login", ""),
        ("/register", ""),
        ("/unknown", ""),
        ("/docs/errors", &session),
    ] {
        let page = weight(&app, path, cookie).await;
        assert!(page + style < MAX_BYTES, "{path}: {page} bytes, and {style} of style");
    }
}

#[tokio::test]
async fn a_page_loads_nothing_from_other_hosts() {
    let app = start_with_full_page().await;
    for path in ["/public", "/Milada", "/search?q=1", "/login", "/register", "/unknown"] {
        let page = app.anonymous().get(path).await;
        for part in page.body.split(" src=\"").skip(1) {
            assert!(part.starts_with('/') && !part.starts_with("//"), "{path}: {part}");
        }
        for link in page.body.split("<link rel=\"").skip(1).map(|it| it.split('>').next()) {
            let link = link.expect("an end");
            let own = link.contains(" href=\"/") && !link.contains(" href=\"//");
            assert!(own || link.starts_with("canonical"), "{path}: {link}");
        }
        page.does_not_say("<style").does_not_say("<script>").does_not_say(" style=");
    }
}
