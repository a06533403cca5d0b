//! The MiniTwit under test: its base URL, parsed into where to connect and what to send.

use std::{io, net::SocketAddr, sync::Arc};

use hyper::{Uri, header::HeaderValue};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};

/// A base URL that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not an absolute `http` or `https` URL, or contains a query or credentials.
    #[error("{0:?} is no base URL such as http://127.0.0.1:8080/sim")]
    Malformed(String),
    /// The host cannot be resolved.
    #[error("cannot resolve the host {0}")]
    UnknownHost(String, #[source] io::Error),
}

/// Where requests go, and the prefix of their paths.
#[derive(Clone)]
pub(crate) struct Target {
    text: String,
    host: String,
    port: u16,
    /// The path of the base URL as written, trailing slash included: the simulator appends its paths
    /// to the URL unchanged.
    prefix: String,
    host_header: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(without_secrets(text));
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let authority = uri.authority().ok_or_else(malformed)?;
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(malformed());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (default_port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| malformed())?;
                (443, Some((connector(), name)))
            }
            _ => return Err(malformed()),
        };
        let port = authority.port_u16().unwrap_or(default_port);
        let host_header = HeaderValue::from_str(authority.as_str()).map_err(|_| malformed())?;
        // `Uri` reports the path "/" even if the URL has none.
        let has_path = text.ends_with('/') || uri.path() != "/";
        let prefix = if has_path { uri.path().to_owned() } else { String::new() };
        Ok(Self { text: text.to_owned(), host, port, prefix, host_header, tls })
    }

    /// The base URL as written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }

    /// The TLS connector and the expected server name, if the URL is `https`.
    pub(crate) fn tls(&self) -> Option<(&TlsConnector, ServerName<'static>)> {
        self.tls.as_ref().map(|(connector, name)| (connector, name.clone()))
    }

    /// The addresses of the host, at least one.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, TargetError> {
        let unknown = |error| TargetError::UnknownHost(self.host.clone(), error);
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<SocketAddr> = found.map_err(unknown)?.collect();
        if addresses.is_empty() {
            return Err(unknown(io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }
}

/// The URL without credentials and query, which may be secret.
fn without_secrets(text: &str) -> String {
    let (text, query) = text.split_once('?').map_or((text, ""), |(text, _)| (text, "?…"));
    match text.rsplit_once('@') {
        Some((user, server)) => {
            let scheme = user.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
            format!("{}…@{server}{query}", scheme.unwrap_or_default())
        }
        None => format!("{text}{query}"),
    }
}

/// Trusts the certificate authorities of this machine. Without any, every certificate is rejected.
fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_keeps_its_prefix_and_its_trailing_slash() {
        for (text, host, port, prefix) in [
            ("http://127.0.0.1:8080/sim", "127.0.0.1", 8080, "/sim"),
            ("http://localhost:5001", "localhost", 5001, ""),
            ("http://localhost:5001/", "localhost", 5001, "/"),
            ("http://example.org/a/b/", "example.org", 80, "/a/b/"),
            ("https://example.org", "example.org", 443, ""),
            ("http://[::1]:5001/x", "::1", 5001, "/x"),
        ] {
            let target = Target::parse(text).expect(text);
            let parts = (target.host.as_str(), target.port, target.prefix());
            assert_eq!(parts, (host, port, prefix), "{text}");
            assert_eq!(target.tls().is_some(), text.starts_with("https"));
        }
    }

    #[test]
    fn a_malformed_base_url_is_rejected() {
        for text in
            ["", "localhost:5001", "/sim", "ftp://a", "http://a?b=c", "http://u:p@a/", "a b"]
        {
            assert!(matches!(Target::parse(text), Err(TargetError::Malformed(_))), "{text}");
        }
    }
}
