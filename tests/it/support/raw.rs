//! Requests with a body that no HTTP client sends: one that is malformed or never arrives.

use std::net::SocketAddr;

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{TIMEOUT, actors::TestResponse};

/// The body of a raw request.
#[derive(Debug, Clone, Copy)]
pub enum RawBody {
    /// Nothing of the body arrives.
    Missing,
    /// A chunk of the body is malformed.
    Malformed,
}

/// Sends a request with a JSON content type, this `Authorization` and this body.
pub async fn send(
    address: SocketAddr,
    method: &Method,
    path: &str,
    authorization: &str,
    body: RawBody,
) -> TestResponse {
    let rest = match body {
        RawBody::Missing => "Content-Length: 10\r\n\r\n",
        RawBody::Malformed => "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\n{rest}"
    );
    exchange(address, &request).await
}

/// Sends these bytes. Returns the first response.
pub async fn exchange(address: SocketAddr, request: &str) -> TestResponse {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("listening");
        stream.write_all(request.as_bytes()).await.expect("sent");
        answer(BufReader::new(stream)).await
    };
    timeout(TIMEOUT, exchange).await.expect("a response in time")
}

async fn answer(mut reader: BufReader<TcpStream>) -> TestResponse {
    let mut line = String::new();
    reader.read_line(&mut line).await.expect("a response");
    let status = line.split(' ').nth(1).expect("a status").parse().expect("a number");
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).await.expect("a head");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let length = headers.get("content-length").map_or("0", |it| it.to_str().expect("text"));
    let mut body = vec![0; length.parse().expect("a number")];
    reader.read_exact(&mut body).await.expect("the whole body");
    TestResponse { status, headers, body: String::from_utf8(body).expect("text") }
}
