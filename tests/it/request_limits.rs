//! Limits of request bodies, on real sockets.

use std::{net::SocketAddr, time::Duration};

use listener::{ConnectionLimits, Shutdown};
use minitwit::{http::middleware::request_limits::RequestLimits, server};
use poem::{EndpointExt, Route, handler, post};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::TIMEOUT;

const SHORT: Duration = Duration::from_millis(200);
/// The pause of a slow client between two bytes.
const BYTE_PAUSE: Duration = Duration::from_millis(20);
const BODIES: RequestLimits = RequestLimits { body: 1000, body_timeout: TIMEOUT };

#[handler]
fn echo(body: String) -> String {
    body
}

async fn serve(bodies: RequestLimits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let limits = ConnectionLimits {
        idle: TIMEOUT,
        header: TIMEOUT,
        write: TIMEOUT,
        max_connections: 100,
        per_address: 100,
    };
    let app = Route::new().at("/echo", post(echo));
    let app = app.before(move |request| bodies.read_body(request)).map_to_response();
    tokio::spawn(async move {
        server::serve(listener, limits, app, &Shutdown::default(), TIMEOUT, |_| false).await;
    });
    address
}

/// Posts `rest`, which begins with headers, and then sends `slow` byte by byte, again and again, until
/// the response arrives. Returns its status and body.
async fn post_echo(address: SocketAddr, rest: &str, slow: &str) -> (u16, String) {
    let (reader, mut writer) = TcpStream::connect(address).await.expect("listening").into_split();
    let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{rest}");
    let send = async {
        // The server may close the connection after its response.
        let _ = writer.write_all(request.as_bytes()).await;
        for byte in slow.bytes().cycle() {
            tokio::time::sleep(BYTE_PAUSE).await;
            let _ = writer.write_all(&[byte]).await;
        }
        std::future::pending().await
    };
    let receive = async {
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        reader.read_line(&mut line).await.expect("a response");
        let status = line.split(' ').nth(1).expect("a status").parse().expect("a number");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).await.expect("a head");
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await.expect("the whole body");
        (status, String::from_utf8(body).expect("text"))
    };
    let exchange = async {
        tokio::select! { response = receive => response, () = send => unreachable!() }
    };
    timeout(TIMEOUT, exchange).await.expect("a response in time")
}

#[tokio::test]
async fn a_body_sent_too_slowly_gets_408() {
    let address = serve(RequestLimits { body_timeout: SHORT, ..BODIES }).await;
    for (head, slow) in
        [("Content-Length: 1000", "a"), ("Transfer-Encoding: chunked", "1\r\na\r\n")]
    {
        let (status, _) = post_echo(address, &format!("{head}\r\n\r\n"), slow).await;
        assert_eq!(status, 408, "{head}");
    }
}

#[tokio::test]
async fn a_body_above_the_size_limit_is_rejected() {
    let address = serve(BODIES).await;
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
        let (actual, body) = post_echo(address, &rest, "").await;
        assert_eq!(actual, status, "{}", &rest[..30]);
        assert!(status != 200 || body == full, "{body}");
    }
}
