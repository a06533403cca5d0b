//! Deadlines of a request head, an idle connection and an unread response.

use listener::ConnectionLimits;
use tokio::{io::AsyncReadExt, time::timeout};

use crate::support::{BYTE_PAUSE, GET, LARGE, LIMITS, SHORT, in_time, ok, serve};

#[tokio::test]
async fn a_head_sent_too_slowly_is_cut_off() {
    let running = serve(ConnectionLimits { header: SHORT, ..LIMITS }).await;
    let mut quick = running.connect().await;
    quick.send(GET).await;
    assert_eq!(quick.response().await, ok("hello"));

    let mut slow = running.connect().await;
    assert!(slow.send_slowly("GET / HTTP/1.1\r\n", "A: b\r\n").await);
    // On a used connection, the head begins in the same write as the previous request.
    let mut later = running.connect().await;
    later.send(&format!("{GET}GET / HTTP/1.1\r\nA")).await;
    assert_eq!(later.response().await, ok("hello"));
    assert!(later.send_slowly("", ": b\r\nA").await);

    quick.send(GET).await;
    assert_eq!(quick.response().await, ok("hello"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    // Long enough to send a request even on a busy machine.
    let idle = 5 * SHORT;
    let running = serve(ConnectionLimits { idle, ..LIMITS }).await;
    assert_eq!(running.connect().await.rest().await, 0);

    let mut breaks = running.connect().await;
    assert!(breaks.send_slowly("", "\r\n").await);

    let mut used = running.connect().await;
    used.send(GET).await;
    assert_eq!(used.response().await, ok("hello"));
    assert_eq!(used.rest().await, 0);
}

#[tokio::test]
async fn a_body_after_100_continue_may_take_longer_than_a_head() {
    let running = serve(ConnectionLimits { header: SHORT, ..LIMITS }).await;
    let mut client = running.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n").await;
    client.send("Content-Length: 30\r\n\r\n").await;
    assert_eq!(client.response().await, (100, String::new()));
    assert!(!client.send_slowly("", "abc").await);
    assert_eq!(client.response().await, ok(&"abc".repeat(10)));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let limits = ConnectionLimits { write: SHORT, max_connections: 1, ..LIMITS };
    let running = serve(limits).await;
    let mut greedy = running.connect().await;
    greedy.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut byte = [0];
    in_time(greedy.0.peek(&mut byte)).await.expect("the response has begun");

    // The only permitted connection is free once the greedy client is cut off.
    let mut next = running.connect().await;
    next.send(GET).await;
    let next = tokio::spawn(async move { next.response().await });
    in_time(async {
        while !next.is_finished() {
            _ = timeout(BYTE_PAUSE, greedy.0.read(&mut byte)).await;
        }
    })
    .await;

    assert_eq!(next.await.expect("served"), ok("hello"));
    assert!(greedy.rest().await < LARGE / 4 * 3);
}
