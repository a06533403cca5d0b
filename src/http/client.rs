//! Who sent a request, and how it reached the first server on its way.

use std::net::{IpAddr, Ipv4Addr};

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, header, uri::Authority},
};

/// The cookie that holds the token of a page's session.
pub const SESSION_COOKIE: &str = "session";

/// The client of a request, as far as the peer and the proxies that are trusted tell.
///
/// The server sets it as data of each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's address; `0.0.0.0` when the peer has none. Never an IPv4-mapped IPv6 address.
    pub address: IpAddr,
    /// Whether a trusted proxy said that the client came by HTTPS. This program itself speaks
    /// plain HTTP, so `false` means "no, or nobody said".
    pub https: bool,
    /// The host (and port) that the client asked for, when a trusted proxy said so; otherwise the
    /// `Host` header tells.
    pub host: Option<String>,
}

impl Client {
    /// The scheme and the host (and port) by which the client called this server, such as
    /// `https://example.org`. `None` if the request, whose headers these are, has no host that could
    /// be part of a URL.
    #[must_use]
    pub fn origin(&self, headers: &HeaderMap) -> Option<String> {
        let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = self.host.as_deref().or(asked)?;
        let authority: Authority = host.parse().ok().filter(|_| !host.contains('@'))?;
        let scheme = if self.https { "https" } else { "http" };
        Some(format!("{scheme}://{authority}"))
    }
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
    fn an_origin_is_what_the_proxy_says_or_else_the_host() {
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
