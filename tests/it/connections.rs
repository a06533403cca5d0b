//! Slow, greedy and well-behaved clients, on real sockets. Each test makes short only the limit
//! that it is about.

use std::{future::Future, net::SocketAddr, time::Duration};

use futures_util::stream;
use listener::{ConnectionLimits, LimitedAcceptor, Shutdown};
use minitwit::http::middleware::request_limits::RequestLimits;
use poem::{
    Body, EndpointExt, Route, get, handler,
    listener::{Acceptor, Listener, TcpListener},
    post,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// Every wait ends by then, at the latest, in a failure.
const DEADLINE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);
/// How long a dripping client rests between two bytes.
const DRIP: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(600);

const LIMITS: ConnectionLimits =
    ConnectionLimits { idle: LONG, header: LONG, write: LONG, max_connections: 100 };
const BODIES: RequestLimits = RequestLimits { body: 1000, body_timeout: LONG };

/// More than the kernel keeps for a client that does not read.
const LARGE: usize = 64 << 20;

#[handler]
fn hello() -> &'static str {
    "hello"
}

#[handler]
fn echo(body: String) -> String {
    body
}

#[handler]
fn large() -> Vec<u8> {
    vec![b'.'; LARGE]
}

/// Begins an answer that never ends.
#[handler]
fn endless() -> Body {
    Body::from_bytes_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>())
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<std::io::Result<()>>,
}

async fn serve(limits: ConnectionLimits, bodies: RequestLimits) -> Running {
    serve_and_stop_within(DEADLINE, limits, bodies).await
}

async fn serve_and_stop_within(
    patience: Duration,
    limits: ConnectionLimits,
    bodies: RequestLimits,
) -> Running {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a free port");
    let address = *acceptor.local_addr()[0].as_socket_addr().expect("a TCP address");
    let app = Route::new()
        .at("/", get(hello))
        .at("/echo", post(echo))
        .at("/large", get(large))
        .at("/endless", get(endless))
        .before(move |request| bodies.read_body(request))
        .map_to_response();
    let shutdown = Shutdown::default();
    let server = tokio::spawn({
        let shutdown = shutdown.clone();
        let acceptor = LimitedAcceptor::new(acceptor, limits);
        async move { listener::serve(acceptor, app, &shutdown, patience).await }
    });
    Running { address, shutdown, server }
}

impl Running {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("listening"))
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("done before the deadline")
}

/// A client that sends bytes as they are told.
struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the connection is open");
    }

    /// Sends `start` and then one byte of `drip` after another, again and again, until the server
    /// says or does something; whether it ended the connection without a word.
    async fn drip(&mut self, start: &str, drip: &str) -> bool {
        self.send(start).await;
        let mut peeked = [0];
        soon(async {
            for byte in drip.as_bytes().iter().cycle() {
                let sent = self.0.write_all(&[*byte]).await;
                match timeout(DRIP, self.0.peek(&mut peeked)).await {
                    Err(_) => sent.expect("the connection is open"),
                    Ok(peeked) => return matches!(peeked, Ok(0) | Err(_)),
                }
            }
            unreachable!("the drip has no end")
        })
        .await
    }

    /// The status and the body of the next response.
    async fn response(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(self.0.read_u8()).await.expect("a response"));
        }
        let head = String::from_utf8(head).expect("a head is text");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        soon(self.0.read_exact(&mut body)).await.expect("the whole body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, String::from_utf8(body).expect("a body is text"))
    }

    /// How many bytes the server still sends before it ends the connection.
    async fn rest(&mut self) -> usize {
        let mut buffer = vec![0; 1 << 16];
        let mut total = 0;
        soon(async {
            while let Ok(read @ 1..) = self.0.read(&mut buffer).await {
                total += read;
            }
        })
        .await;
        total
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

#[tokio::test]
async fn a_dripped_head_is_cut() {
    let running = serve(ConnectionLimits { header: SHORT, ..LIMITS }, BODIES).await;
    let mut quick = running.connect().await;
    quick.send(GET).await;
    assert_eq!(quick.response().await, ok("hello"));

    let mut slow = running.connect().await;
    assert!(slow.drip("GET / HTTP/1.1\r\n", "A: b\r\n").await);
    // The same on a connection that has been used, and where the head began with the request before.
    let mut later = running.connect().await;
    later.send(&format!("{GET}GET / HTTP/1.1\r\nA")).await;
    assert_eq!(later.response().await, ok("hello"));
    assert!(later.drip("", ": b\r\nA").await);

    quick.send(GET).await;
    assert_eq!(quick.response().await, ok("hello"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    // Long enough for a request to be sent in, even on a busy machine.
    let idle = 5 * SHORT;
    let running = serve(ConnectionLimits { idle, ..LIMITS }, BODIES).await;
    assert_eq!(running.connect().await.rest().await, 0);

    let mut breaks = running.connect().await;
    assert!(breaks.drip("", "\r\n").await);

    let mut used = running.connect().await;
    used.send(GET).await;
    assert_eq!(used.response().await, ok("hello"));
    assert_eq!(used.rest().await, 0);
}

#[tokio::test]
async fn kept_alive_and_pipelined_requests_are_served() {
    let running = serve(LIMITS, BODIES).await;
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
async fn a_body_that_is_asked_for_may_take_longer_than_a_head() {
    let running = serve(ConnectionLimits { header: SHORT, ..LIMITS }, BODIES).await;
    let mut client = running.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n").await;
    client.send("Content-Length: 30\r\n\r\n").await;
    assert_eq!(client.response().await, (100, String::new()));
    assert!(!client.drip("", "abc").await);
    assert_eq!(client.response().await, ok(&"abc".repeat(10)));
}

#[tokio::test]
async fn a_dripped_body_is_refused() {
    let running = serve(LIMITS, RequestLimits { body_timeout: SHORT, ..BODIES }).await;
    for (head, drip) in
        [("Content-Length: 1000", "a"), ("Transfer-Encoding: chunked", "1\r\na\r\n")]
    {
        let mut client = running.connect().await;
        let start = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n");
        assert!(!client.drip(&start, drip).await);
        assert_eq!(client.response().await.0, 408, "{head}");
        client.rest().await;
    }
}

#[tokio::test]
async fn a_body_may_have_the_size_limit_and_no_more() {
    let running = serve(LIMITS, BODIES).await;
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    let full = "a".repeat(BODIES.body);
    let chunks = |count: usize| format!("64\r\n{}\r\n", "a".repeat(100)).repeat(count);
    for (rest, status) in [
        (format!("Content-Length: 1000\r\n\r\n{full}"), 200),
        (format!("Content-Length: 1001\r\n\r\n{full}a"), 413),
        ("Content-Length: 1001\r\n\r\n".to_owned(), 413),
        (format!("Content-Length: {}\r\n\r\n", u64::MAX - 2), 413),
        (format!("Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks(10)), 200),
        (format!("Transfer-Encoding: chunked\r\n\r\n{}1\r\na\r\n0\r\n\r\n", chunks(10)), 413),
        (format!("Transfer-Encoding: chunked\r\n\r\n{}", chunks(11)), 413),
        ("Transfer-Encoding: chunked\r\n\r\nnonsense\r\n".to_owned(), 400),
    ] {
        let mut client = running.connect().await;
        client.send(&format!("{post}{rest}")).await;
        let (answer, body) = client.response().await;
        assert_eq!(answer, status, "{}", &rest[..30]);
        assert!(status != 200 || body == full, "{body}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = ConnectionLimits { write: SHORT, max_connections: 1, ..LIMITS };
    let running = serve(limits, BODIES).await;
    let mut greedy = running.connect().await;
    greedy.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut byte = [0];
    soon(greedy.0.peek(&mut byte)).await.expect("the response has begun");

    // The one connection that may be open is free once the greedy client's is cut.
    let mut next = running.connect().await;
    next.send(GET).await;
    let next = tokio::spawn(async move { next.response().await });
    soon(async {
        while !next.is_finished() {
            _ = timeout(DRIP, greedy.0.read(&mut byte)).await;
        }
    })
    .await;

    assert_eq!(next.await.expect("served"), ok("hello"));
    assert!(greedy.rest().await < LARGE / 4 * 3);
}

#[tokio::test]
async fn a_large_response_reaches_a_client_that_reads() {
    let running = serve(LIMITS, BODIES).await;
    let mut client = running.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (status, body) = client.response().await;
    assert_eq!((status, body.len()), (200, LARGE));
}

#[tokio::test]
async fn no_more_connections_are_served_than_allowed() {
    let running = serve(ConnectionLimits { max_connections: 1, ..LIMITS }, BODIES).await;
    let mut first = running.connect().await;
    first.send(GET).await;
    assert_eq!(first.response().await, ok("hello"));

    let mut second = running.connect().await;
    second.send(GET).await;
    for _ in 0..50 {
        first.send(GET).await;
        assert_eq!(first.response().await, ok("hello"));
    }
    let unanswered = second.0.try_read(&mut [0]).expect_err("no answer while the first is open");
    assert_eq!(unanswered.kind(), std::io::ErrorKind::WouldBlock);

    drop(first);
    assert_eq!(second.response().await, ok("hello"));
}

#[tokio::test]
async fn http2_is_refused_without_a_word() {
    let running = serve(LIMITS, BODIES).await;
    let mut client = running.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(client.rest().await, 0);
}

#[tokio::test]
async fn a_shutdown_closes_idle_connections_at_once() {
    let running = serve(LIMITS, BODIES).await;
    let mut fresh = running.connect().await;
    let mut used = running.connect().await;
    used.send(GET).await;
    assert_eq!(used.response().await, ok("hello"));

    running.shutdown.stop();

    soon(running.server).await.expect("no panic").expect("no error");
    assert_eq!((fresh.rest().await, used.rest().await), (0, 0));
}

/// The kernel accepts connections before the server does.
#[tokio::test]
async fn whoever_has_sent_a_request_before_the_stop_is_answered() {
    let running = serve(LIMITS, BODIES).await;
    let mut ready = running.connect().await;
    ready.send(GET).await;
    assert_eq!(ready.response().await, ok("hello"));

    // All this is one step of the only thread, in which the server does nothing.
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let mut client = std::net::TcpStream::connect(running.address).expect("listening");
            std::io::Write::write_all(&mut client, GET.as_bytes()).expect("taken");
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
    soon(running.server).await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_request_without_end_does_not_keep_the_server_from_stopping() {
    let patience = Duration::from_millis(50);
    let running = serve_and_stop_within(patience, LIMITS, BODIES).await;
    let mut client = running.connect().await;
    client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.response().await, ok(""));

    running.shutdown.stop();

    soon(running.server).await.expect("no panic").expect("no error");
    assert_eq!(client.rest().await, 0);
}
