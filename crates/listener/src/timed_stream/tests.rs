//! A stream between a client and a server that share a clock which stands still.

use std::{future::poll_fn, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::Semaphore,
    time::{advance, timeout},
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: ConnectionLimits = ConnectionLimits {
    idle: Duration::from_secs(60),
    header: Duration::from_secs(10),
    write: Duration::from_secs(30),
    max_connections: 1,
};
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A client's end and the server's, with `capacity` bytes between them.
fn connection(capacity: usize) -> (DuplexStream, TimedStream<DuplexStream>) {
    let (client, server) = duplex(capacity);
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a permit");
    (client, TimedStream::new(server, LIMITS, permit))
}

/// Reads what has arrived, as hyper does, and whether the stream has failed.
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

/// Lets the client send `bytes`, which the server reads.
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
async fn a_time_out_wakes_whoever_reads() {
    let (_client, mut server) = connection(1024);
    let result = timeout(61 * SECOND, server.read_u8()).await.expect("woken in time");
    assert_eq!(result.expect_err("idle").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_head_is_bounded_however_its_bytes_drip() {
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
async fn serving_has_no_time_out_and_a_write_begins_a_new_wait() {
    let (mut client, mut server) = connection(1024);
    for _ in 0..3 {
        advance(59 * SECOND).await;
        assert_eq!(send(&mut client, &mut server, REQUEST).await, Ok(()));
        advance(3600 * SECOND).await;
        assert_eq!(send(&mut client, &mut server, b"a body\r\n\r\n").await, Ok(()));
        server.write_all(CONTINUE).await.expect("room");
        advance(3600 * SECOND).await;
        assert_eq!(read_all(&mut server).await, Ok(()));
        // Server-sent events, each less than `idle` after the one before.
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
async fn a_response_must_be_taken_in_time_and_not_only_in_part() {
    let (mut client, mut server) = connection(16);
    assert_eq!(send(&mut client, &mut server, b"GET / HTTP/1.1\n\n").await, Ok(()));
    let taker = async {
        loop {
            tokio::time::sleep(SECOND).await;
            client.read_u8().await.expect("a byte");
        }
    };
    let result = tokio::select! {
        result = server.write_all(&[0; 1024]) => result,
        () = taker => unreachable!("the loop has no end"),
    };
    assert_eq!(result.expect_err("too slow").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_all_in_time_may_rest_before_the_next_write() {
    let (mut client, mut server) = connection(16);
    let mut taken = [0; 32];
    for _ in 0..3 {
        let (written, read) =
            tokio::join!(server.write_all(&[0; 32]), client.read_exact(&mut taken));
        written.expect("taken");
        read.expect("written");
        advance(50 * SECOND).await;
        assert_eq!(read_all(&mut server).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn several_pieces_written_at_once_count_as_one_write() {
    let (mut client, mut server) = connection(16);
    assert!(server.is_write_vectored());
    assert_eq!(send(&mut client, &mut server, b"GET / HTTP/1.1\n\n").await, Ok(()));
    let pieces = [IoSlice::new(b"a head, "), IoSlice::new(b"and its body")];
    let written = server.write_vectored(&pieces).await.expect("room");
    assert_eq!(written, 16, "what there is room for");
    // The rest is not taken.
    let rest = timeout(31 * SECOND, server.write_vectored(&pieces)).await.expect("woken");
    assert_eq!(rest.expect_err("too slow").kind(), io::ErrorKind::TimedOut);
    let mut taken = [0; 16];
    client.read_exact(&mut taken).await.expect("written");
    assert_eq!(&taken, b"a head, and its ");
}

#[tokio::test]
async fn http2_is_refused_however_its_preface_arrives() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (mut client, mut server) = connection(1024);
    let result = send(&mut client, &mut server, preface).await;
    assert_eq!(result, Err(io::ErrorKind::Unsupported));

    let (mut client, mut server) = connection(1024);
    for byte in &preface[..3] {
        assert_eq!(send(&mut client, &mut server, &[*byte]).await, Ok(()));
    }
    let result = send(&mut client, &mut server, &preface[3..]).await;
    assert_eq!(result, Err(io::ErrorKind::Unsupported));
}

#[tokio::test]
async fn what_only_begins_as_the_preface_is_let_pass() {
    for parts in [&["P", "UT / HTTP/1.1"][..], &["POST / HTTP/1.1"], &["GET /", "PRI * "]] {
        let (mut client, mut server) = connection(1024);
        for part in parts {
            assert_eq!(send(&mut client, &mut server, part.as_bytes()).await, Ok(()));
        }
    }
}
