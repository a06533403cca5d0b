//! A server with short limits, and a client that sends exactly the given bytes.

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
pub const TIMEOUT: Duration = Duration::from_secs(30);
pub const SHORT: Duration = Duration::from_millis(200);
/// The pause of a slow client between two bytes.
pub const BYTE_PAUSE: Duration = Duration::from_millis(20);
pub const LONG: Duration = Duration::from_secs(600);

pub const LIMITS: ConnectionLimits = ConnectionLimits {
    idle: LONG,
    header: LONG,
    write: LONG,
    max_connections: 100,
    per_address: 100,
};

/// A loopback address without a limit of its own.
pub const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// More than the kernel buffers for a client that does not read.
pub const LARGE: usize = 64 << 20;

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

pub struct Running {
    pub address: SocketAddr,
    pub shutdown: Shutdown,
    pub server: JoinHandle<()>,
}

pub async fn serve(limits: ConnectionLimits) -> Running {
    serve_with_stop_timeout(limits, TIMEOUT).await
}

pub async fn serve_with_stop_timeout(limits: ConnectionLimits, stop_timeout: Duration) -> Running {
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
    pub async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("listening"))
    }

    /// Connects from another loopback address.
    pub async fn connect_from(&self, address: IpAddr) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(address, 0)).expect("a loopback address");
        Client(socket.connect(self.address).await.expect("listening"))
    }
}

/// Awaits `future`; panics at the time-out.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.expect("done within the time-out")
}

/// A client that sends exactly the given bytes.
pub struct Client(pub TcpStream);

impl Client {
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the connection is open");
    }

    /// Sends `start`, and then `slow` byte by byte, again and again, until the server responds or closes
    /// the connection. Returns whether it closed the connection without a response.
    pub async fn send_slowly(&mut self, start: &str, slow: &str) -> bool {
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
    pub async fn response(&mut self) -> (u16, String) {
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
    pub async fn rest(&mut self) -> usize {
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

pub const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
pub const ENDLESS: &str = "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";

pub fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}
