//! Runs on a paused clock, over an in-memory stream.

use std::{future::poll_fn, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{advance, timeout},
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: ConnectionLimits = ConnectionLimits {
    idle: Duration::from_secs(60),
    header: Duration::from_secs(10),
    write: Duration::from_secs(30),
    max_connections: 1,
    per_address: 1,
};
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The client's and the server's end, with a buffer of `capacity` bytes between them.
fn connection(capacity: usize) -> (DuplexStream, TimedStream<DuplexStream>) {
    let (client, server) = duplex(capacity);
    (client, TimedStream::new(server, LIMITS, Activity::unregistered()))
}

/// Reads all that has arrived, as hyper does.
async fn read_all(server: &mut TimedStream<DuplexStream>) -> Result<(), io::ErrorKind> {
    poll_fn(|cx| {
        let mut bytes = [0; 256];
        loop {
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *server).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.kind())),
                Poll::Pending => return Poll::Ready(Ok(())),
            }
        }
    })
    .await
}

/// Sends `bytes` from the client, and reads them on the server.
async fn send(
    client: &mut DuplexStream,
    server: &mut TimedStream<DuplexStream>,
    bytes: &[u8],
) -> Result<(), io::ErrorKind> {
    client.write_all(bytes).await.expect("room");
    read_all(server).await
}

#[tokio::test(start_paused = true)]
async fn line_breaks_do_not_keep_a_connection_open() {
    let (mut client, mut server) = connection(1024);
    for _ in 0..30 {
        assert_eq!(send(&mut client, &mut server, b"\r\n").await, Ok(()));
        advance(2 * SECOND).await;
    }
    let result = send(&mut client, &mut server, b"\r\n").await;
    assert_eq!(result, Err(io::ErrorKind::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_wakes_the_reading_task() {
    let (_client, mut server) = connection(1024);
    let result = timeout(61 * SECOND, server.read_u8()).await.expect("woken in time");
    assert_eq!(result.expect_err("idle").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_head_sent_byte_by_byte_must_be_complete_in_time() {
    let (mut client, mut server) = connection(1024);
    advance(59 * SECOND).await;
    for byte in &REQUEST[..10] {
        assert_eq!(send(&mut client, &mut server, &[*byte]).await, Ok(()));
        advance(SECOND).await;
    }
    let result = send(&mut client, &mut server, &REQUEST[10..11]).await;
    assert_eq!(result, Err(io::ErrorKind::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn serving_has_no_deadline_and_a_write_restarts_the_wait() {
    let (mut client, mut server) = connection(1024);
    for _ in 0..3 {
        advance(59 * SECOND).await;
        assert_eq!(send(&mut client, &mut server, REQUEST).await, Ok(()));
        advance(3600 * SECOND).await;
        assert_eq!(send(&mut client, &mut server, b"a body\r\n\r\n").await, Ok(()));
        server.write_all(CONTINUE).await.expect("room");
        advance(3600 * SECOND).await;
        assert_eq!(read_all(&mut server).await, Ok(()));
        // Server-sent events, at intervals shorter than `idle`.
        for _ in 0..10 {
            server.write_all(b"event").await.expect("room");
            advance(59 * SECOND).await;
            assert_eq!(read_all(&mut server).await, Ok(()));
        }
        server.write_all(b"the end").await.expect("room");
    }
    advance(60 * SECOND).await;
    assert_eq!(read_all(&mut server).await, Err(io::ErrorKind::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_client_must_read_the_whole_response_in_time() {
    let (mut client, mut server) = connection(16);
    assert_eq!(send(&mut client, &mut server, b"GET / HTTP/1.1\n\n").await, Ok(()));
    let reader = async {
        loop {
            tokio::time::sleep(SECOND).await;
            client.read_u8().await.expect("a byte");
        }
    };
    let result = tokio::select! {
        result = server.write_all(&[0; 1024]) => result,
        () = reader => unreachable!("the loop has no end"),
    };
    assert_eq!(result.expect_err("too slow").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_response_read_in_time_clears_the_write_deadline() {
    let (mut client, mut server) = connection(16);
    let mut read_bytes = [0; 32];
    for _ in 0..3 {
        let (written, read) =
            tokio::join!(server.write_all(&[0; 32]), client.read_exact(&mut read_bytes));
        written.expect("all read");
        read.expect("written");
        advance(50 * SECOND).await;
        assert_eq!(read_all(&mut server).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_vectored_write_counts_as_one_write() {
    let (mut client, mut server) = connection(16);
    assert!(server.is_write_vectored());
    assert_eq!(send(&mut client, &mut server, b"GET / HTTP/1.1\n\n").await, Ok(()));
    let pieces = [IoSlice::new(b"a head, "), IoSlice::new(b"and its body")];
    let written = server.write_vectored(&pieces).await.expect("room");
    assert_eq!(written, 16, "the capacity");
    // The client does not read the rest.
    let rest = timeout(31 * SECOND, server.write_vectored(&pieces)).await.expect("woken");
    assert_eq!(rest.expect_err("too slow").kind(), io::ErrorKind::TimedOut);
    let mut read_bytes = [0; 16];
    client.read_exact(&mut read_bytes).await.expect("written");
    assert_eq!(&read_bytes, b"a head, and its ");
}
