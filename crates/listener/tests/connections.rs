//! Clients that send slowly, that do not read, and that behave well, on real sockets. Each test shortens
//! only the limit under test.

#![allow(clippy::expect_used, clippy::panic, reason = "tests and their helpers fail by panicking")]

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming},
};
use listener::{ConnectionLimits, Shutdown};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// A test fails if it waits longer than this.
const TIMEOUT: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);
/// The pause of a slow client between two bytes.
const BYTE_PAUSE: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(600);

const LIMITS: ConnectionLimits = ConnectionLimits {
    idle: LONG,
    header: LONG,
    write: LONG,
    max_connections: 100,
    per_address: 100,
};

/// A loopback address without a limit of its own.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// More than the kernel buffers for a client that does not read.
const LARGE: usize = 64 << 20;

/// A body that never ends.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

async fn handle(
    request: Request<Incoming>,
    _peer: SocketAddr,
) -> Response<BoxBody<Bytes, Infallible>> {
    let body = match request.uri().path() {
        "/" => Bytes::from("hello"),
        "/echo" => request.into_body().collect().await.expect("a whole body").to_bytes(),
        "/large" => vec![b'.'; LARGE].into(),
        "/endless" => return Response::new(Endless.boxed()),
        path => panic!("unknown path {path}"),
    };
    Response::new(Full::new(body).boxed())
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<()>,
}

async fn serve(limits: ConnectionLimits) -> Running {
    serve_with_stop_timeout(limits, TIMEOUT).await
}

async fn serve_with_stop_timeout(limits: ConnectionLimits, stop_timeout: Duration) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shutdown = Shutdown::default();
    let server = tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            let exempt = |peer| peer == PROXY;
            listener::serve(listener, limits, handle, &shutdown, stop_timeout, exempt).await;
        }
    });
    Running { address, shutdown, server }
}

impl Running {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("listening"))
    }

    /// Connects from another loopback address.
    async fn connect_from(&self, address: IpAddr) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(address, 0)).expect("a loopback address");
        Client(socket.connect(self.address).await.expect("listening"))
    }
}

/// Awaits `future`; panics at the time-out.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.expect("done within the time-out")
}

/// A client that sends exactly the given bytes.
struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the connection is open");
    }

    /// Sends `start`, and then `slow` byte by byte, again and again, until the server responds or closes
    /// the connection. Returns whether it closed the connection without a response.
    async fn send_slowly(&mut self, start: &str, slow: &str) -> bool {
        self.send(start).await;
        let mut peeked = [0];
        in_time(async {
            for byte in slow.as_bytes().iter().cycle() {
                let sent = self.0.write_all(&[*byte]).await;
                match timeout(BYTE_PAUSE, self.0.peek(&mut peeked)).await {
                    Err(_) => sent.expect("the connection is open"),
                    Ok(peeked) => return matches!(peeked, Ok(0) | Err(_)),
                }
            }
            unreachable!("the loop has no end")
        })
        .await
    }

    /// The status and the body of the next response.
    async fn response(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(in_time(self.0.read_u8()).await.expect("a response"));
        }
        let head = String::from_utf8(head).expect("a head is text");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        in_time(self.0.read_exact(&mut body)).await.expect("the whole body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, String::from_utf8(body).expect("a body is text"))
    }

    /// The number of bytes that the server sends before it closes the connection.
    async fn rest(&mut self) -> usize {
        let mut buffer = vec![0; 1 << 16];
        let mut total = 0;
        in_time(async {
            while let Ok(read @ 1..) = self.0.read(&mut buffer).await {
                total += read;
            }
        })
        .await;
        total
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ENDLESS: &str = "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

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

#[tokio::test]
async fn a_large_response_reaches_a_client_that_reads() {
    let running = serve(LIMITS).await;
    let mut client = running.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (status, body) = client.response().await;
    assert_eq!((status, body.len()), (200, LARGE));
}

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
