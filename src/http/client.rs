//! The client of a request, and the address at which it reached the first server or proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, header, uri::Authority},
};

/// The client of a request, as the peer and trusted proxies report it. An extension of each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's address; `0.0.0.0` if the peer has none. Never an IPv4-mapped IPv6 address.
    pub address: IpAddr,
    /// True if a trusted proxy reports HTTPS. The server itself speaks plain HTTP.
    pub https: bool,
    /// The requested host and port, if a trusted proxy reports them; otherwise the header `Host` has them.
    pub host: Option<String>,
}

impl Client {
    /// The scheme, host and port of the request with `headers`, such as `https://example.org`.
    ///
    /// `None` if its host is missing or malformed.
    pub fn origin(&self, headers: &HeaderMap) -> Option<String> {
        let requested = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = self.host.as_deref().or(requested)?;
        let authority: Authority = host.parse().ok().filter(|_| !host.contains('@'))?;
        let scheme = if self.https { "https" } else { "http" };
        Some(format!("{scheme}://{authority}"))
    }
}

/// True if `text` is a host with or without a port, as in the header `Host`.
pub fn is_host(text: &str) -> bool {
    let (host_is_valid, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!host.is_empty() && host.bytes().all(is_host_byte), port)
        }
    };
    let port_is_valid = port.strip_prefix(':').map_or(port.is_empty(), |port| {
        port.bytes().all(|byte| byte.is_ascii_digit())
            && (port.is_empty() || port.parse::<u16>().is_ok())
    });
    host_is_valid && port_is_valid
}

/// The bytes of a registered name (RFC 3986, section 3.2.2), except the comma, which separates the values
/// of merged headers.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

impl<'a> FromRequest<'a> for Client {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let unknown = || Self { address: Ipv4Addr::UNSPECIFIED.into(), https: false, host: None };
        Ok(request.data().cloned().unwrap_or_else(unknown))
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn origin(https: bool, forwarded: Option<&str>, host: &'static str) -> Option<String> {
        let host = (header::HOST, HeaderValue::from_static(host));
        let address = Ipv4Addr::LOCALHOST.into();
        let client = Client { address, https, host: forwarded.map(str::to_owned) };
        client.origin(&HeaderMap::from_iter([host]))
    }

    #[test]
    fn an_origin_comes_from_the_proxy_or_the_host_header() {
        for (https, forwarded, host, expected) in [
            (false, None, "example.org:5000", Some("http://example.org:5000")),
            (false, None, "[::1]:5000", Some("http://[::1]:5000")),
            (true, Some("example.org"), "app:5000", Some("https://example.org")),
            (true, None, "example.org", Some("https://example.org")),
            (false, None, "", None),
            (false, None, "user@example.org", None),
            (false, None, "a/b\"c", None),
        ] {
            let found = origin(https, forwarded, host);
            assert_eq!(found.as_deref(), expected, "{forwarded:?} {host}");
        }
        let client = Client { address: Ipv4Addr::LOCALHOST.into(), https: false, host: None };
        assert_eq!(client.origin(&HeaderMap::new()), None);
    }
}
