//! One health check of a local server, for `minitwit healthcheck`.
//!
//! It needs no async runtime and no HTTP library: the server closes the connection after an HTTP/1.0
//! response.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::operations::{HEALTHY, READY};

/// What a health check finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Whether the server responds at all.
    Alive,
    /// Whether the server should get requests.
    Ready,
}

/// The failure of a health check.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No server accepts connections at the address.
    #[error("no server at {0}")]
    Unreachable(SocketAddr, #[source] io::Error),
    /// The time-out has passed.
    #[error("no response from {0} in time")]
    TimedOut(SocketAddr),
    /// The connection failed before the end of the response.
    #[error("no response from {0}")]
    NoResponse(SocketAddr, #[source] io::Error),
    /// The server reports that it is unhealthy.
    #[error("{path} returned {status}: {body}")]
    Unhealthy {
        /// The path of the request.
        path: &'static str,
        /// The status of the response.
        status: u16,
        /// The body of the response, which holds the reason.
        body: String,
    },
}

/// Checks the health of the server that listens on `address`. Returns the body of its response.
pub fn check(address: SocketAddr, probe: Probe, timeout: Duration) -> Result<String, ProbeError> {
    let address = reachable(address);
    let path = match probe {
        Probe::Alive => HEALTHY,
        Probe::Ready => READY,
    };
    let deadline = Instant::now() + timeout;
    let failed = |error: io::Error, other: fn(SocketAddr, io::Error) -> ProbeError| {
        match error.kind() {
            // Unix reports a passed read time-out as `WouldBlock`.
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ProbeError::TimedOut(address),
            _ => other(address, error),
        }
    };
    let stream = TcpStream::connect_timeout(&address, timeout)
        .map_err(|error| failed(error, ProbeError::Unreachable))?;
    let (status, body) =
        get(stream, path, deadline).map_err(|error| failed(error, ProbeError::NoResponse))?;
    if status == 200 { Ok(body) } else { Err(ProbeError::Unhealthy { path, status, body }) }
}

/// A server that listens on all addresses is reachable on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn get(mut stream: TcpStream, path: &str, deadline: Instant) -> io::Result<(u16, String)> {
    // The buffer of a new socket has room for this, so the write does not wait.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => break,
            read => response.extend_from_slice(&buffer[..read]),
        }
    }
    parse(&String::from_utf8_lossy(&response))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the response is not HTTP"))
}

fn parse(response: &str) -> Option<(u16, String)> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_on_loopback() {
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

    /// Checks a server that sends `parts` with a pause before each, then closes the connection.
    fn check_against(
        parts: &'static [&'static str],
        pause: Duration,
    ) -> Result<String, ProbeError> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 256];
            let read = stream.read(&mut request).expect("a request");
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.0\r\n"));
            for part in parts {
                thread::sleep(pause);
                // The client may have closed the connection.
                let _ = stream.write_all(part.as_bytes());
            }
        });
        let result = check(address, Probe::Ready, Duration::from_millis(500));
        server.join().expect("no panic");
        result
    }

    #[test]
    fn a_response_is_read_to_its_end() {
        let parts = &["HTTP/1.0 200 OK\r\nA: b\r\n", "\r\nfine", " and well"];
        assert_eq!(check_against(parts, Duration::ZERO).expect("healthy"), "fine and well");
    }

    #[test]
    fn each_failure_has_its_error() {
        let unhealthy = check_against(&["HTTP/1.1 503 x\r\n\r\nwhy"], Duration::ZERO);
        let text = unhealthy.expect_err("503").to_string();
        assert_eq!(text, "/readyz returned 503: why");
        for parts in [&[][..], &["220 smtp\r\n"]] {
            let result = check_against(parts, Duration::ZERO);
            assert!(matches!(result, Err(ProbeError::NoResponse(..))), "{result:?}");
        }
        // Dripped bytes do not extend the time-out.
        let result = check_against(&["H"; 8], Duration::from_millis(100));
        assert!(matches!(result, Err(ProbeError::TimedOut(_))), "{result:?}");
    }
}
