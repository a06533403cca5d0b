//! Requests and responses of clients that keep to HTTP/1, and the preface of HTTP/2.

use tokio::io::AsyncWriteExt;

use crate::support::{BYTE_PAUSE, GET, LARGE, LIMITS, ok, serve};

#[tokio::test]
async fn kept_alive_and_pipelined_requests_are_served() {
    let running = serve(LIMITS).await;
    let mut client = running.connect().await;
    for _ in 0..3 {
        client.send("\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n").await;
        client.send("one\r\n\r\nt").await;
        assert_eq!(client.response().await, ok("one\r\n\r\nt"));
    }
    client.send(&GET.repeat(20)).await;
    for _ in 0..20 {
        assert_eq!(client.response().await, ok("hello"));
    }
}

#[tokio::test]
async fn a_large_response_reaches_a_client_that_reads() {
    let running = serve(LIMITS).await;
    let mut client = running.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (status, body) = client.response().await;
    assert_eq!((status, body.len()), (200, LARGE));
}

#[tokio::test]
async fn an_http2_connection_is_closed() {
    let running = serve(LIMITS).await;
    let mut client = running.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(client.rest().await, 0);

    // hyper recognizes only a whole preface, and rejects an incomplete one as bad HTTP/1.
    for part in ["PRI * HTTP/2.0\r\n", "PRI "] {
        let mut client = running.connect().await;
        client.send(part).await;
        tokio::time::sleep(BYTE_PAUSE).await;
        // The server may have closed the connection.
        let _ = client.0.write_all(b"* HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        client.rest().await;
    }
}
