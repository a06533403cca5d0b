//! Heads of requests that are malformed or have an unusual form, on raw connections.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::App;

/// Sends these bytes on a connection of its own. Returns the status and the whole response.
async fn exchange(app: &App, request: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(app.address).await.expect("listening");
    connection.write_all(request.as_bytes()).await.expect("open");
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.expect("a response");
    let text = String::from_utf8_lossy(&response).into_owned();
    let status = text.split(' ').nth(1).and_then(|it| it.parse().ok());
    (status.unwrap_or_else(|| panic!("{request:?}: {text}")), text)
}

async fn get(app: &App, target: &str, version: &str, headers: &str) -> (u16, String) {
    exchange(app, &format!("GET {target} {version}\r\n{headers}Connection: close\r\n\r\n")).await
}

#[tokio::test]
async fn a_request_without_one_valid_host_is_rejected_by_every_surface() {
    let app = App::start().await;
    for target in [
        "/public",
        "/nowhere",
        "/api/v1/messages",
        "/sim/latest",
        "/sim/msgs/nobody",
        "/healthz",
        "/docs",
    ] {
        for headers in [
            "",
            "Host:\r\n",
            "Host: a\r\nHost: a\r\n",
            "Host: a\r\nhost: b\r\n",
            "Host: a b\r\n",
            "Host: user@a\r\n",
            "Host: a/b\r\n",
            "Host: a:b\r\n",
            "Host: [::1\r\n",
            "Host: é\r\n",
        ] {
            let (status, response) = get(&app, target, "HTTP/1.1", headers).await;
            assert_eq!(status, 400, "{target} {headers:?}: {response}");
            assert!(
                target == "/public" || target == "/nowhere" || response.contains("Host"),
                "{response}"
            );
        }
        let (status, _) = get(&app, target, "HTTP/1.1", "Host: [::1]:80\r\n").await;
        assert!(status == 200 || status == 404 || status == 403, "{target}: {status}");
    }
}

#[tokio::test]
async fn a_health_check_of_http_1_0_needs_no_host() {
    let app = App::start().await;
    for target in ["/healthz", "/readyz", "/public", "/sim/latest"] {
        assert_eq!(get(&app, target, "HTTP/1.0", "").await.0, 200, "{target}");
        assert_eq!(
            get(&app, target, "HTTP/1.0", "Host: a\r\nHost: b\r\n").await.0,
            400,
            "{target}"
        );
    }
}

#[tokio::test]
async fn an_absolute_target_is_served_and_its_host_counts() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let target = "http://example.org:81//alice.atom?";
    let (status, feed) = get(&app, target, "HTTP/1.1", "Host: elsewhere\r\n").await;
    assert_eq!(status, 200, "{feed}");
    assert!(feed.contains("http://example.org:81/alice") && !feed.contains("elsewhere"), "{feed}");
    for target in ["http://a/healthz", "http://a:80/sim/latest", "HTTP://a/api/v1/messages"] {
        assert_eq!(get(&app, target, "HTTP/1.1", "Host: a\r\n").await.0, 200, "{target}");
    }
    for (target, headers) in [
        ("http://a/public", ""),
        ("http://user@a/public", "Host: a\r\n"),
        ("http://a/public", "Host: a\r\nHost: a\r\n"),
    ] {
        assert_eq!(get(&app, target, "HTTP/1.1", headers).await.0, 400, "{target} {headers:?}");
    }
}

#[tokio::test]
async fn a_coded_body_is_rejected_by_every_surface() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("alice").await;
    let credentials = "Authorization: Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh\r\n";
    for (target, body) in [
        ("/login", "username=a&password=b"),
        ("/api/v1/users", "{}"),
        ("/sim/register", "{}"),
        ("/sim/msgs/alice", "{}"),
        ("/sim/fllws/alice", ""),
    ] {
        for coding in ["gzip", "br", "identity, gzip", "x"] {
            let length = body.len();
            let request = format!(
                "POST {target} HTTP/1.1\r\nHost: a\r\n{credentials}Content-Encoding: {coding}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let (status, response) = exchange(&app, &request).await;
            assert_eq!(status, 415, "{target} {coding}: {response}");
            assert!(response.contains("\r\naccept-encoding: identity\r\n"), "{response}");
        }
    }
}
