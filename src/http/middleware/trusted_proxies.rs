//! Determines the client of a request that came through reverse proxies.
//!
//! Any client can send `X-Forwarded-*` headers. The server uses them only if the peer is a trusted
//! proxy, and only the items that trusted proxies appended.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net};
use poem::{
    Request,
    http::{HeaderMap, uri::Authority},
};

use crate::http::client::Client;

/// The networks whose hosts are trusted as reverse proxies of this server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// The IPv4 network of an IPv4-mapped IPv6 network, because `trust` compares IPv4 addresses.
fn unmapped(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(network) = network else { return None };
    let address = network.addr().to_ipv4_mapped()?;
    // `::ffff:0:0/96` stands for all of IPv4.
    let length = network.prefix_len().checked_sub(96)?;
    Ipv4Net::new(address, length).ok().map(IpNet::V4)
}

impl TrustedProxies {
    /// Trusts the hosts of these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.iter().map(|network| unmapped(*network).unwrap_or(*network)).collect())
    }

    /// Adds the [`Client`] of `request` to its data.
    pub fn identify(&self, mut request: Request) -> Request {
        let peer = request.remote_addr().as_socket_addr().map(|address| address.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let client = self.client(peer, request.headers());
        request.set_data(client);
        request
    }

    /// The client of a request with `headers` from `peer`. Malformed values count as missing.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        if !self.trust(peer) {
            return Client { address: peer, https: false, host: None };
        }
        Client {
            address: self.forwarded_for(peer, headers),
            https: nearest(headers, "x-forwarded-proto")
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            host: nearest(headers, "x-forwarded-host").filter(|it| is_host(it)).map(str::to_owned),
        }
    }

    /// Whether the host with this address is a trusted proxy.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.trust(address.to_canonical())
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The nearest address in `X-Forwarded-For` that is not a trusted proxy. A malformed item ends
    /// the search, since all to its left may be forged.
    fn forwarded_for(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        for item in nearest_first(headers, "x-forwarded-for") {
            let Ok(address) = item.parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !self.trust(client) {
                break;
            }
        }
        client
    }
}

/// The items in all headers `name`, from the nearest proxy to the farthest.
fn nearest_first<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().rev();
    values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',').map(str::trim))
}

fn nearest<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    nearest_first(headers, name).next()
}

fn is_host(text: &str) -> bool {
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

#[cfg(test)]
mod tests {
    use poem::{
        Endpoint, EndpointExt,
        endpoint::make_sync,
        http::{HeaderName, HeaderValue},
    };

    use super::*;

    fn trusted(networks: &[&str]) -> TrustedProxies {
        let parse = |network: &&str| network.parse().expect("a network");
        TrustedProxies::new(&networks.iter().map(parse).collect::<Vec<_>>())
    }

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let proxies = trusted(&["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a name");
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        proxies.client(peer.parse().expect("an address"), &map)
    }

    fn address(peer: &str, forwarded_for: &[&str]) -> String {
        let headers: Vec<_> = forwarded_for.iter().map(|it| ("x-forwarded-for", *it)).collect();
        client(peer, &headers).address.to_string()
    }

    #[test]
    fn the_client_is_the_nearest_address_that_is_not_a_proxy() {
        for (peer, forwarded_for, expected) in [
            ("10.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            ("192.0.2.1", &["203.0.113.9"], "203.0.113.9"),
            ("fd00::1", &["2001:db8::9"], "2001:db8::9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.3 ,10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(address(peer, forwarded_for), expected, "{peer} {forwarded_for:?}");
        }
    }

    #[test]
    fn a_client_cannot_forge_its_address() {
        for (peer, forwarded_for, expected) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("192.0.2.2", &["198.51.100.1"], "192.0.2.2"),
            ("::ffff:203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["198.51.100.1,"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1", "ünknown"], "10.0.0.1"),
        ] {
            assert_eq!(address(peer, forwarded_for), expected, "{peer} {forwarded_for:?}");
        }
    }

    #[test]
    fn scheme_and_host_count_from_a_trusted_proxy_only() {
        for (peer, proto, host, https, expected) in [
            ("10.0.0.1", "https", "example.org", true, Some("example.org")),
            ("10.0.0.1", "HTTPS", "example.org:8443", true, Some("example.org:8443")),
            ("10.0.0.1", "http, https", "evil.test, [::1]:80", true, Some("[::1]:80")),
            ("10.0.0.1", "https, http", "evil.test,", false, None),
            ("10.0.0.1", "httpss", "a/b", false, None),
            ("10.0.0.1", "", "user@example.org", false, None),
            ("203.0.113.9", "https", "evil.test", false, None),
        ] {
            let headers = [("x-forwarded-proto", proto), ("x-forwarded-host", host)];
            let client = client(peer, &headers);
            assert_eq!((client.https, client.host.as_deref()), (https, expected), "{headers:?}");
        }
    }

    #[test]
    fn an_ipv4_mapped_network_equals_its_ipv4_form() {
        let plain = trusted(&["10.0.0.0/8", "10.1.1.1/32"]);
        let mapped = trusted(&["::ffff:10.0.0.0/104", "::ffff:10.1.1.1/128"]);
        assert_eq!(mapped, plain);
    }

    #[tokio::test]
    async fn handlers_get_the_client() {
        let endpoint = make_sync(|request| {
            let client = request.extensions().get::<Client>().expect("set by `identify`");
            client.address.to_string()
        })
        .before(|request| async { Ok(TrustedProxies::default().identify(request)) });
        let response = endpoint.get_response(Request::default()).await;
        assert_eq!(response.into_body().into_string().await.expect("text"), "0.0.0.0");
    }
}
