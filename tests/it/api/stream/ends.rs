//! The events that end a stream.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use super::{session_cookie, stream_request};
use crate::support::{
    App, TIMEOUT, actors::TestResponse, cluster::TestDatabase, eventually, stream::Stream,
};

#[tokio::test]
async fn a_stream_ends_with_its_credential() {
    let app = App::start().await;
    let replica = app.replica().await;
    let other = app.api_user("other").await;
    let (mut other_stream, _) = Stream::open(stream_request(&other, "?timeline=own")).await;
    for (name, statement) in [
        ("revoked", "DELETE FROM api_tokens WHERE user_id = "),
        (
            "expired",
            "UPDATE api_tokens SET created_at = '2020-01-01', expires_at = now() WHERE user_id = ",
        ),
        ("disabled", "UPDATE users SET disabled_at = now() WHERE user_id = "),
        ("deleted", "DELETE FROM users WHERE user_id = "),
    ] {
        let client = app.api_user(name).await;
        let (mut own, _) = Stream::open(stream_request(&client, "?timeline=own")).await;
        let (mut public, _) = Stream::open(stream_request(&client.at(replica.url("")), "")).await;
        let statement = format!("{statement}(SELECT user_id FROM users WHERE username = '{name}')");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&app.rows).await.expect(name);
        assert!(own.ends().await, "{name}");
        assert!(public.ends().await, "{name}");
    }
    app.simulator().tweet("other", "still here").await;
    assert_eq!(other_stream.text().await, "still here");
}

#[tokio::test]
async fn a_stream_with_a_cookie_ends_at_sign_out() {
    let app = App::start().await;
    app.api_user("ann").await;
    let cookie = session_cookie(&app, "ann").await;
    let request = stream_request(&app.api(), "?timeline=own").header("cookie", &cookie);
    let (mut stream, _) = Stream::open(request).await;
    let sign_out = app.anonymous().request(reqwest::Method::POST, "/logout");
    assert_eq!(TestResponse::of(sign_out.header("cookie", &cookie)).await.status, 302);
    assert!(stream.ends().await);
}

#[tokio::test]
async fn a_shutdown_ends_all_streams() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.server.shutdown_timeout = 10 * TIMEOUT;
    })
    .await;
    let ann = app.api_user("ann").await;
    let (mut public, _) = Stream::open(stream_request(&app.api(), "")).await;
    let (mut own, _) = Stream::open(stream_request(&ann, "?timeline=own")).await;
    tokio::time::timeout(TIMEOUT, app.stop()).await.expect("stopped");
    assert!(public.ends().await && own.ends().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_client_that_does_not_read_ends() {
    const MESSAGES: usize = 20_000;
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| settings.service.streams.backlog = 1).await;
    app.api_user("ann").await;

    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let mut slow = socket.connect(app.address).await.expect("connected");
    slow.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    let mut head = vec![0; 4_096];
    assert!(slow.read(&mut head).await.expect("a head") > 0);

    // About 26 MB, more than the buffers of the sockets.
    let insert = "INSERT INTO messages (author_id, text)
        SELECT 1, n || ' ' || repeat('🦀', 270) FROM generate_series(1, 20000) n";
    app.execute(insert).await;
    app.execute("INSERT INTO messages (author_id, text) VALUES (1, 'the last')").await;
    // Wait until a new stream starts after these messages.
    eventually("a later position", async || {
        let (stream, position) = Stream::open(stream_request(&app.api(), "")).await;
        drop(stream);
        let time: i64 = position.split('_').next()?.parse().ok()?;
        let last = "SELECT (extract(epoch FROM max(published_at)) * 1000000)::bigint FROM messages";
        (time > app.count(last).await).then_some(())
    })
    .await;

    let mut received = Vec::new();
    let reading = slow.read_to_end(&mut received);
    tokio::time::timeout(TIMEOUT, reading).await.expect("an end in time").expect("an end");
    let received = String::from_utf8_lossy(&received);
    let ids: BTreeSet<&str> = received.lines().filter(|line| line.starts_with("id:")).collect();
    assert!(received.ends_with("0\r\n\r\n"), "the response is complete");
    assert!(ids.len() < MESSAGES && !received.contains("the last"), "{}", ids.len());
    let metrics = app.anonymous().get("/metrics").await;
    metrics.says("minitwit_stream_clients_dropped_total ");
    metrics.does_not_say("minitwit_stream_clients_dropped_total 0");
}
