//! Determines the client of a request that came through reverse proxies.
//!
//! Any client can send `X-Forwarded-*` and `Forwarded`. The server uses them only if the peer is a
//! trusted proxy, and only the items that trusted proxies appended. If a request has both headers and
//! they name different clients, a client has sent one of them, and neither counts.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net};
use poem::{
    Request,
    http::{HeaderMap, header::FORWARDED},
};

use super::forwarded::{Forwarded, elements, node};
use crate::http::client::{Client, is_host};

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
        let by_list = self.nearest_client(peer, list(headers));
        let forwarded = nearest_first_elements(headers);
        let by_elements = self.nearest_client(peer, forwarded.iter().map(|it| it.address));
        // A proxy may set one of the headers, and leave the other as the client sent it.
        let conflict =
            headers.contains_key(LIST) && headers.contains_key(FORWARDED) && by_list != by_elements;
        let (address, element) = match (conflict, headers.contains_key(LIST)) {
            (true, _) => (peer, None),
            (false, true) => (by_list, forwarded.first()),
            (false, false) => (by_elements, forwarded.first()),
        };
        let proto = nearest(headers, "x-forwarded-proto");
        let proto = proto.or_else(|| element?.proto.as_deref());
        let host = nearest(headers, "x-forwarded-host").or_else(|| element?.host.as_deref());
        Client {
            address,
            https: proto.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            host: host.filter(|it| is_host(it)).map(str::to_owned),
        }
    }

    /// Whether the host with this address is a trusted proxy.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.trust(address.to_canonical())
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The nearest address that is not a trusted proxy. An unknown one ends the search, since all
    /// behind it may be forged.
    fn nearest_client(
        &self,
        peer: IpAddr,
        addresses: impl Iterator<Item = Option<IpAddr>>,
    ) -> IpAddr {
        let mut client = peer;
        for address in addresses {
            let Some(address) = address else { break };
            client = address.to_canonical();
            if !self.trust(client) {
                break;
            }
        }
        client
    }
}

const LIST: &str = "x-forwarded-for";

/// The addresses in `X-Forwarded-For`, from the nearest proxy to the farthest.
fn list(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    nearest_first(headers, LIST).map(node)
}

/// The elements of all headers `Forwarded`, from the nearest proxy to the farthest. They end before a
/// malformed header.
fn nearest_first_elements(headers: &HeaderMap) -> Vec<Forwarded> {
    let values = headers.get_all(FORWARDED).iter().rev();
    let parsed = values.map_while(|value| elements(value.to_str().ok()?));
    parsed.flat_map(|elements| elements.into_iter().rev()).collect()
}

/// The items in all headers `name`, from the nearest proxy to the farthest.
fn nearest_first<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().rev();
    values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',').map(str::trim))
}

fn nearest<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    nearest_first(headers, name).next()
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
            ("10.0.0.1", &["198.51.100.1:80, 203.0.113.9:51008"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9:port"], "10.0.0.1"),
        ] {
            assert_eq!(address(peer, forwarded_for), expected, "{peer} {forwarded_for:?}");
        }
    }

    #[test]
    fn addresses_may_have_ports_and_brackets() {
        for (forwarded_for, expected) in [
            ("203.0.113.10:51008", "203.0.113.10"),
            ("[2001:db8::a]:443", "2001:db8::a"),
            ("[2001:db8::a]", "2001:db8::a"),
            ("203.0.113.10:1, 10.0.0.2:2, [fd00::2]:3", "203.0.113.10"),
            ("[::ffff:203.0.113.10]:51008", "203.0.113.10"),
        ] {
            assert_eq!(address("10.0.0.1", &[forwarded_for]), expected, "{forwarded_for}");
        }
    }

    #[test]
    fn the_header_forwarded_counts_from_a_trusted_proxy_only() {
        for (peer, forwarded, expected) in [
            (
                "10.0.0.1",
                &["for=203.0.113.9;proto=https;host=example.org"][..],
                "203.0.113.9 true example.org",
            ),
            (
                "203.0.113.9",
                &["for=198.51.100.1;proto=https;host=evil.test"],
                "203.0.113.9 false -",
            ),
            (
                "10.0.0.1",
                &["for=198.51.100.1, for=\"[2001:db8::9]:1\", for=10.0.0.2;proto=HTTPS"],
                "2001:db8::9 true -",
            ),
            (
                "10.0.0.1",
                &["for=198.51.100.1;host=evil.test", "for=203.0.113.9"],
                "203.0.113.9 false -",
            ),
            ("10.0.0.1", &["for=198.51.100.1, for=unknown"], "10.0.0.1 false -"),
            ("10.0.0.1", &["for=198.51.100.1, for=_hidden, for=10.0.0.2"], "10.0.0.2 false -"),
            ("10.0.0.1", &["for=198.51.100.1, proto=https"], "10.0.0.1 true -"),
            ("10.0.0.1", &["for=198.51.100.1;host=\"a, for=203.0.113.9"], "10.0.0.1 false -"),
            ("10.0.0.1", &["for=\"a", "for=203.0.113.9"], "203.0.113.9 false -"),
        ] {
            let headers: Vec<_> = forwarded.iter().map(|it| ("forwarded", *it)).collect();
            let Client { address, https, host } = client(peer, &headers);
            let found = format!("{address} {https} {}", host.as_deref().unwrap_or("-"));
            assert_eq!(found, expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn neither_header_counts_if_they_name_different_clients() {
        for (list, forwarded, expected) in [
            ("203.0.113.9", "for=203.0.113.9;proto=https", "203.0.113.9 true"),
            ("203.0.113.9:1", "for=\"203.0.113.9:2\"", "203.0.113.9 false"),
            ("203.0.113.9", "for=198.51.100.1;proto=https", "10.0.0.1 false"),
            ("198.51.100.1", "for=203.0.113.9", "10.0.0.1 false"),
            ("203.0.113.9", "nonsense", "10.0.0.1 false"),
        ] {
            let headers = [("x-forwarded-for", list), ("forwarded", forwarded)];
            let Client { address, https, .. } = client("10.0.0.1", &headers);
            assert_eq!(format!("{address} {https}"), expected, "{headers:?}");
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
