//! Asking a running server how it is, over HTTP at its own address: what `minitwit healthcheck` does.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::operations::{HEALTHY, READY};

/// What a server can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Whether it answers at all.
    Alive,
    /// Whether it should be sent requests.
    Ready,
}

/// Why a server is not well.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nothing accepts a connection there.
    #[error("no server at {0}")]
    Unreachable(SocketAddr, #[source] io::Error),
    /// What is there does not speak HTTP.
    #[error("no answer from {0}")]
    NoAnswer(SocketAddr, #[source] hyper::Error),
    /// Nothing came in time.
    #[error("no answer from {0} in time")]
    Late(SocketAddr),
    /// The server says so itself.
    #[error("{path} answers {status}: {body}")]
    Answer {
        /// What was asked for.
        path: &'static str,
        /// The status of the answer.
        status: u16,
        /// Its text, which says why.
        body: String,
    },
}

/// Asks the server that listens at `address`. Returns what it said when it is well.
///
/// # Errors
/// When it is not, or does not say so within `timeout`.
pub async fn ask(
    address: SocketAddr,
    question: Probe,
    timeout: Duration,
) -> Result<String, ProbeError> {
    let address = reachable(address);
    let path = match question {
        Probe::Alive => HEALTHY,
        Probe::Ready => READY,
    };
    let asked = tokio::time::timeout(timeout, get(address, path)).await;
    let (status, body) = asked.map_err(|_| ProbeError::Late(address))??;
    if status == 200 { Ok(body) } else { Err(ProbeError::Answer { path, status, body }) }
}

/// Where a server that listens at `address` can be reached from its own machine: one that listens
/// everywhere listens on loopback, too.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

async fn get(address: SocketAddr, path: &'static str) -> Result<(u16, String), ProbeError> {
    let no_answer = |error| ProbeError::NoAnswer(address, error);
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| ProbeError::Unreachable(address, error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
    // Its failure is that of the request on it.
    tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = hyper::Uri::from_static(path);
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
    let answer = sender.send_request(request).await.map_err(no_answer)?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map_err(no_answer)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("127.0.0.1:1", "127.0.0.1:1"),
        ] {
            let listens: SocketAddr = listens.parse().expect("an address");
            assert_eq!(reachable(listens).to_string(), reached);
        }
    }
}
