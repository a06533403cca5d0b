//! The stream of new messages.

mod clock;
mod ends;
mod order;
mod writers;

use std::time::Duration;

use reqwest::{Method, RequestBuilder};

use crate::support::{
    App,
    actors::{ApiClient, TestResponse},
    cluster::TestDatabase,
    eventually,
    stream::{Block, Stream},
};

/// Builds a request for a stream.
pub fn stream_request(client: &ApiClient, query: &str) -> RequestBuilder {
    client.request(Method::GET, &format!("/stream{query}"))
}

/// Signs in on the pages. Returns the session's cookie as a header value.
async fn session_cookie(app: &App, username: &str) -> String {
    let form = [("username", username), ("password", "secret")];
    let response = app.anonymous().post("/login", &form).await;
    let cookies = response.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().expect("text"));
    let session = cookies.find(|cookie| cookie.starts_with("session_")).expect("a session");
    session.split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn messages_posted_on_any_replica_are_sent() {
    let app = App::start().await;
    let replica = app.replica().await;
    app.api_user("ann").await;
    app.simulator().tweet("ann", "before").await;
    let (mut stream, _) = Stream::open(stream_request(&app.api(), "")).await;
    for (name, value) in [
        ("content-type", Some("text/event-stream")),
        ("cache-control", Some("no-store")),
        ("x-accel-buffering", Some("no")),
        ("content-encoding", None),
    ] {
        let header = stream.response.headers().get(name);
        assert_eq!(header.map(|value| value.to_str().expect("text")), value, "{name}");
    }
    for (server, text) in [(&app, "here"), (&replica, "there"), (&app, "two\nlines 🦀")] {
        server.simulator().tweet("ann", text).await;
        let event = stream.next().await.expect("an event");
        let message = event.message();
        assert_eq!((&message["author"], &message["text"]), (&"ann".into(), &text.into()));
        assert!(message["id"].is_i64() && message["published_at"].is_string(), "{message}");
    }
}

#[tokio::test]
async fn flagged_messages_are_not_sent() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (mut stream, _) = Stream::open(stream_request(&app.api(), "")).await;
    app.execute("INSERT INTO messages (author_id, text, flagged) VALUES (1, 'bad', true)").await;
    app.simulator().tweet("ann", "good").await;
    assert_eq!(stream.text().await, "good");
}

#[tokio::test]
async fn a_new_or_ended_follow_affects_an_open_stream() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    for name in ["bob", "carol"] {
        app.api_user(name).await;
    }
    ann.put("/following/bob").await;
    let (mut stream, begin) = Stream::open(stream_request(&ann, "?timeline=own")).await;
    let post = async |name: &str, text: &str| {
        assert_eq!(app.simulator().tweet(name, text).await.status, 204);
    };
    post("carol", "1").await;
    post("bob", "2").await;
    assert_eq!(stream.text().await, "2");
    post("ann", "3").await;
    assert_eq!(stream.text().await, "3");
    replica.simulator().follow("ann", "carol").await;
    post("carol", "4").await;
    assert_eq!(stream.text().await, "4");
    replica.simulator().unfollow("ann", "bob").await;
    post("bob", "5").await;
    post("carol", "6").await;
    assert_eq!(stream.text().await, "6");

    let query = format!("?timeline=own&after={begin}");
    let (mut again, _) = Stream::open(stream_request(&ann, &query)).await;
    for text in ["1", "3", "4", "6"] {
        assert_eq!(again.text().await, text, "the messages of the current followees");
    }
}

#[tokio::test]
async fn a_session_cookie_opens_a_stream_only_from_the_same_origin() {
    let app = App::start().await;
    app.api_user("ann").await;
    let cookie = session_cookie(&app, "ann").await;
    let own = || stream_request(&app.api(), "?timeline=own").header("cookie", &cookie);
    let host = format!("http://{}", app.address);
    let (mut stream, _) = Stream::open(own().header("origin", host)).await;
    app.simulator().tweet("ann", "mine").await;
    assert_eq!(stream.text().await, "mine");
    Stream::open(own().header("sec-fetch-site", "same-origin")).await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.test"),
        ("origin", "null"),
    ] {
        TestResponse::of(own().header(name, value)).await.problem(401);
    }
    TestResponse::of(own().header("authorization", "Bearer wrong")).await.problem(401);
    let forged = stream_request(&app.api(), "?timeline=own").header("cookie", "session=forged");
    TestResponse::of(forged).await.problem(401);
    app.api().get("/stream?timeline=own").await.problem(401);
}

#[tokio::test]
async fn all_invalid_parameters_are_named() {
    let app = App::start().await;
    for position in [&b"x_y"[..], "é".as_bytes()] {
        let request = stream_request(&app.api(), "?timeline=mine&after=7");
        let response = TestResponse::of(request.header("last-event-id", position)).await;
        let names = ["timeline", "Last-Event-ID", "after"];
        assert_eq!(response.rejected_fields(422), names, "{position:?}");
    }
}

#[tokio::test]
async fn an_idle_stream_sends_comments() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.service.streams.heartbeat = Duration::from_millis(1);
    })
    .await;
    let (mut stream, _) = Stream::open(stream_request(&app.api(), "")).await;
    for _ in 0..3 {
        assert_eq!(stream.next().await, Some(Block::Comment));
    }
}

#[tokio::test]
async fn a_stream_above_the_limit_is_rejected() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| settings.service.streams.clients = 1).await;
    let (stream, _) = Stream::open(stream_request(&app.api(), "")).await;
    let response = app.api().get("/stream").await;
    response.problem(503);
    assert_eq!(response.header("retry-after"), "2");
    drop(stream);
    app.api_user("ann").await;
    // The server notices a closed connection only when it writes to it.
    eventually("room for another stream", async || {
        app.simulator().tweet("ann", "a write to all streams").await;
        (app.api().get("/stream").await.status == 200).then_some(())
    })
    .await;
}
