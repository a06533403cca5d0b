//! What ends a stream.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use super::{session_cookie, streaming};
use crate::support::{
    App, DEADLINE, actors::Answer, cluster::TestDatabase, eventually, stream::Stream,
};

#[tokio::test]
async fn a_stream_ends_with_the_right_to_listen() {
    let app = App::start().await;
    let replica = app.replica().await;
    let others = app.api_user("other").await;
    let (mut others_stream, _) = Stream::open(streaming(&others, "?timeline=own")).await;
    for (name, end) in [
        ("revoked", "DELETE FROM api_tokens WHERE user_id = "),
        (
            "expired",
            "UPDATE api_tokens SET created_at = '2020-01-01', expires_at = now() WHERE user_id = ",
        ),
        ("disabled", "UPDATE users SET disabled_at = now() WHERE user_id = "),
        ("deleted", "DELETE FROM users WHERE user_id = "),
    ] {
        let client = app.api_user(name).await;
        let (mut own, _) = Stream::open(streaming(&client, "?timeline=own")).await;
        let (mut public, _) = Stream::open(streaming(&client.at(replica.url("")), "")).await;
        let statement = format!("{end}(SELECT user_id FROM users WHERE username = '{name}')");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&app.rows).await.expect(name);
        assert!(own.ends().await, "{name}");
        assert!(public.ends().await, "{name}");
    }
    app.simulator().tweet("other", "still here").await;
    assert_eq!(others_stream.text().await, "still here");
}

#[tokio::test]
async fn a_pages_stream_ends_when_its_user_signs_out() {
    let app = App::start().await;
    app.api_user("ann").await;
    let cookie = session_cookie(&app, "ann").await;
    let request = streaming(&app.api(), "?timeline=own").header("cookie", &cookie);
    let (mut stream, _) = Stream::open(request).await;
    let sign_out = app.anonymous().request(reqwest::Method::POST, "/logout");
    assert_eq!(Answer::of(sign_out.header("cookie", &cookie)).await.status, 302);
    assert!(stream.ends().await);
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_its_streams() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.server.shutdown_timeout = 10 * DEADLINE;
    })
    .await;
    let ann = app.api_user("ann").await;
    let (mut one, _) = Stream::open(streaming(&app.api(), "")).await;
    let (mut two, _) = Stream::open(streaming(&ann, "?timeline=own")).await;
    tokio::time::timeout(DEADLINE, app.stop()).await.expect("stopped");
    assert!(one.ends().await && two.ends().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_sent_away_and_keeps_nobody_waiting() {
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

    // Some 26 MB, which no socket's buffers hold.
    let insert = "INSERT INTO messages (author_id, text)
        SELECT 1, n || ' ' || repeat('🦀', 270) FROM generate_series(1, 20000) n";
    app.execute(insert).await;
    app.execute("INSERT INTO messages (author_id, text) VALUES (1, 'the last')").await;
    // Until the feed is past them.
    eventually("the feed's place", async || {
        let (stream, place) = Stream::open(streaming(&app.api(), "")).await;
        drop(stream);
        let time: i64 = place.split('_').next()?.parse().ok()?;
        let last = "SELECT (extract(epoch FROM max(published_at)) * 1000000)::bigint FROM messages";
        (time > app.count(last).await).then_some(())
    })
    .await;

    let mut received = Vec::new();
    let reading = slow.read_to_end(&mut received);
    tokio::time::timeout(DEADLINE, reading).await.expect("an end in time").expect("an end");
    let received = String::from_utf8_lossy(&received);
    let numbers: BTreeSet<&str> = received.lines().filter(|line| line.starts_with("id:")).collect();
    assert!(received.ends_with("0\r\n\r\n"), "the stream has ended");
    assert!(numbers.len() < MESSAGES && !received.contains("the last"), "{}", numbers.len());
    let metrics = app.anonymous().get("/metrics").await;
    metrics.says("minitwit_stream_clients_dropped_total ");
    metrics.does_not_say("minitwit_stream_clients_dropped_total 0");
}
