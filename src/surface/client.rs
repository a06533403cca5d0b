//! Who sent a request, and how it reached the first server on its way.

use std::net::{IpAddr, Ipv4Addr};

use poem::{FromRequest, Request, RequestBody, Result};

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

impl<'a> FromRequest<'a> for Client {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let unknown = || Self { address: Ipv4Addr::UNSPECIFIED.into(), https: false, host: None };
        Ok(request.data().cloned().unwrap_or_else(unknown))
    }
}
