//! The number of connections, in total and per address.

use std::net::{IpAddr, Ipv4Addr};

use listener::ConnectionLimits;
use tokio::{io::AsyncReadExt, time::timeout};

use crate::support::{BYTE_PAUSE, ENDLESS, GET, LIMITS, PROXY, SHORT, in_time, ok, serve};

#[tokio::test]
async fn no_more_connections_are_served_than_allowed() {
    let running = serve(ConnectionLimits { max_connections: 1, ..LIMITS }).await;
    let mut first = running.connect().await;
    first.send(ENDLESS).await;
    let mut byte = [0];
    in_time(first.0.peek(&mut byte)).await.expect("the response has begun");

    let mut second = running.connect().await;
    second.send(GET).await;
    // The server gives an idle connection up within a shorter time.
    let pending = timeout(2 * SHORT, second.0.peek(&mut byte)).await;
    pending.expect_err("no response while the request of the first is in flight");

    drop(first);
    assert_eq!(second.response().await, ok("hello"));
}

#[tokio::test]
async fn idle_connections_make_room_for_new_ones() {
    let running = serve(ConnectionLimits { max_connections: 2, ..LIMITS }).await;
    let mut busy = running.connect().await;
    busy.send(ENDLESS).await;
    in_time(busy.0.peek(&mut [0])).await.expect("the response has begun");
    let mut idle = running.connect().await;
    for _ in 0..3 {
        let mut next = running.connect().await;
        next.send(GET).await;
        assert_eq!(next.response().await, ok("hello"));
        assert_eq!(idle.rest().await, 0, "closed without a byte");
        idle = next;
    }
    let open = timeout(BYTE_PAUSE, busy.0.read(&mut vec![0; 4096])).await.expect("the head");
    assert!(open.is_ok_and(|read| read > 0));
}

#[tokio::test]
async fn an_address_beyond_its_limit_keeps_no_other_out() {
    let running = serve(ConnectionLimits { per_address: 3, ..LIMITS }).await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut client = running.connect().await;
        client.send("GET / HT").await;
        // The server has read these bytes once it has answered a later connection.
        let mut other = running.connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))).await;
        other.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!(other.response().await, ok("hello"));
        slow.push(client);
    }
    assert_eq!(running.connect().await.rest().await, 0, "closed");
    let mut other = running.connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))).await;
    other.send(GET).await;
    assert_eq!(other.response().await, ok("hello"));

    // The slow ones are still served.
    for client in &mut slow {
        client.send("TP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.response().await, ok("hello"));
    }
    // Idle now, the first makes room for another connection of its address.
    let mut next = running.connect().await;
    next.send(GET).await;
    assert_eq!(next.response().await, ok("hello"));
    assert_eq!(slow[0].rest().await, 0);
}

#[tokio::test]
async fn a_proxy_has_no_limit_of_its_own() {
    let running = serve(ConnectionLimits { per_address: 1, ..LIMITS }).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(running.connect_from(PROXY).await);
    }
    for client in &mut clients {
        client.send(GET).await;
        assert_eq!(client.response().await, ok("hello"));
    }
}
