//! A stop closes idle connections and serves requests in transit.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::{Client, ENDLESS, GET, LIMITS, in_time, ok, serve, serve_with_stop_timeout};

#[tokio::test]
async fn a_stop_closes_idle_connections_at_once() {
    let running = serve(LIMITS).await;
    let mut fresh = running.connect().await;
    let mut used = running.connect().await;
    used.send(GET).await;
    assert_eq!(used.response().await, ok("hello"));

    running.shutdown.stop();

    in_time(running.server).await.expect("no panic");
    assert_eq!((fresh.rest().await, used.rest().await), (0, 0));
}

/// The connections wait in the kernel's queue when the stop begins.
#[tokio::test]
async fn a_request_sent_before_the_stop_is_served() {
    let running = serve(LIMITS).await;
    let mut ready = running.connect().await;
    ready.send(GET).await;
    assert_eq!(ready.response().await, ok("hello"));

    // There is no await here, so the only thread does not run the server before the stop.
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let mut client = std::net::TcpStream::connect(running.address).expect("listening");
            std::io::Write::write_all(&mut client, GET.as_bytes()).expect("sent");
            client.set_nonblocking(true).expect("a socket");
            client
        })
        .collect();
    running.shutdown.stop();

    for client in waiting {
        let mut client = Client(TcpStream::from_std(client).expect("a socket"));
        assert_eq!(client.response().await, ok("hello"));
        assert_eq!(client.rest().await, 0);
    }
    in_time(running.server).await.expect("no panic");
}

#[tokio::test]
async fn an_endless_response_does_not_prevent_the_stop() {
    let running = serve_with_stop_timeout(LIMITS, Duration::from_millis(50)).await;
    let mut client = running.connect().await;
    client.send(ENDLESS).await;
    assert_eq!(client.response().await, ok(""));

    running.shutdown.stop();

    in_time(running.server).await.expect("no panic");
    assert_eq!(client.rest().await, 0);
}
