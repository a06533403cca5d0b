//! Parses what proxies report about a client: `X-Forwarded-For` and `Forwarded` (RFC 7239).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The parameters of one element of `Forwarded`, which one proxy added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// The address of the proxy's client; `None` if it is hidden or malformed.
    pub(super) address: Option<IpAddr>,
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

/// The elements of a `Forwarded` header, in its order; `None` if it is malformed.
///
/// One error makes all elements unreliable: a client could send an opening quotation mark, so that the
/// proxy's own element would be part of a quoted text.
pub(super) fn elements(header: &str) -> Option<Vec<Forwarded>> {
    let mut elements = Vec::new();
    let mut rest = header;
    loop {
        let (element, end) = element(rest)?;
        elements.extend(element);
        match end {
            Some(next) => rest = next,
            None => return Some(elements),
        }
    }
}

/// The first element, `None` if it is empty, and the text after its comma.
fn element(text: &str) -> Option<(Option<Forwarded>, Option<&str>)> {
    let mut found = Forwarded::default();
    let mut names = Vec::new();
    let mut rest = text.trim_start_matches(BLANK);
    loop {
        if !rest.starts_with([',', ';']) && !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after)?;
            let name = name.to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(is_token_byte) || names.contains(&name) {
                return None;
            }
            match name.as_str() {
                "for" => found.address = node(&value),
                "proto" => found.proto = Some(value),
                "host" => found.host = Some(value),
                _ => {}
            }
            names.push(name);
            rest = after.trim_start_matches(BLANK);
        }
        let element = || (!names.is_empty()).then_some(found.clone());
        match rest.split_at_checked(1) {
            None => return Some((element(), None)),
            Some((",", next)) => return Some((element(), Some(next))),
            Some((";", next)) => rest = next.trim_start_matches(BLANK),
            Some(_) => return None,
        }
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// A value, quoted or not, and the text after it.
///
/// Unquoted values may have colons and brackets, which RFC 7239 forbids and some proxies send.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The address of a node: with or without a port, and an IPv6 address with or without brackets.
///
/// `None` for a malformed or hidden one (`unknown`, `_name`).
pub(super) fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().ok().filter(|_| port).map(IpAddr::V6);
    }
    let (address, port) = text.split_once(':')?;
    address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// A number, or a name that hides it.
fn is_port(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
        }
        None => is_number && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_node_may_have_a_port_and_brackets() {
        for (text, address) in [
            ("203.0.113.10", "203.0.113.10"),
            ("203.0.113.10:51008", "203.0.113.10"),
            ("203.0.113.10:0", "203.0.113.10"),
            ("203.0.113.10:_hidden.1", "203.0.113.10"),
            ("2001:db8::a", "2001:db8::a"),
            ("[2001:db8::a]", "2001:db8::a"),
            ("[2001:db8::a]:443", "2001:db8::a"),
            ("[2001:db8::a]:_x", "2001:db8::a"),
            ("[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1"),
        ] {
            assert_eq!(node(text).map(|it| it.to_string()).as_deref(), Some(address), "{text}");
        }
        for text in [
            "",
            "unknown",
            "_hidden",
            "example.org:80",
            "203.0.113.10:",
            "203.0.113.10:65536",
            "203.0.113.10:-1",
            "203.0.113.10:80:80",
            "203.0.113",
            "[203.0.113.10]:80",
            "[2001:db8::a",
            "[2001:db8::a]443",
            "[2001:db8::a]:",
            "2001:db8::a]:443",
            "[fe80::1%eth0]:443",
            "203.0.113.10 :80",
        ] {
            assert_eq!(node(text), None, "{text}");
        }
    }

    fn parsed(header: &str) -> Option<Vec<(String, String, String)>> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let triple = |it: &Forwarded| {
            let address = it.address.map(|address| address.to_string()).unwrap_or_default();
            (address, text(&it.proto), text(&it.host))
        };
        Some(elements(header)?.iter().map(triple).collect())
    }

    #[test]
    fn the_elements_of_the_standards_examples_are_read() {
        for (header, expected) in [
            ("for=\"_gazonk\"", &[("", "", "")][..]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &[("2001:db8:cafe::17", "", "")]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &[("192.0.2.60", "http", "")]),
            (
                "for=192.0.2.43, for=198.51.100.17",
                &[("192.0.2.43", "", ""), ("198.51.100.17", "", "")],
            ),
            (
                "for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown",
                &[("192.0.2.43", "", ""), ("2001:db8:cafe::17", "", ""), ("", "", "")],
            ),
            ("HOST=\"a\\\"b:80\" ; Proto=HTTPS", &[("", "HTTPS", "a\"b:80")]),
            ("for=192.0.2.43:51008;host=[::1]:80", &[("192.0.2.43", "", "[::1]:80")]),
            ("for=\"192.0.2.43, for=1.2.3.4\"", &[("", "", "")]),
            (", ,for=192.0.2.43,", &[("192.0.2.43", "", "")]),
            (";for=192.0.2.43;", &[("192.0.2.43", "", "")]),
            ("", &[]),
        ] {
            let owned =
                |it: &(&str, &str, &str)| (it.0.to_owned(), it.1.to_owned(), it.2.to_owned());
            let expected = expected.iter().map(owned).collect();
            assert_eq!(parsed(header), Some(expected), "{header}");
        }
    }

    #[test]
    fn a_malformed_header_has_no_elements() {
        for header in [
            "for",
            "for=",
            "=a",
            "for=\"a",
            "for=\"a\\",
            "for=\"a\"b",
            "for=a b",
            "for=a;for=b",
            "f or=a",
            "for=a\"b\"",
            "for=1.2.3.4;x=\", for=\"[2001:db8::9]\"",
        ] {
            assert_eq!(elements(header), None, "{header}");
        }
    }

    proptest! {
        /// A client cannot change how the element of the proxy behind it is read.
        #[test]
        fn the_last_element_is_the_proxys_or_none(
            forged in "[ -~]{0,30}",
            own in prop::sample::select(vec![
                "for=203.0.113.9", "for=\"203.0.113.9:80\"", "for=203.0.113.9;proto=https", "proto=https;for=\"203.0.113.9\"",
            ]),
        ) {
            if let Some(elements) = elements(&format!("{forged}, {own}")) {
                let last = elements.last().expect("the proxy's");
                prop_assert_eq!(last.address, Some(Ipv4Addr::new(203, 0, 113, 9).into()));
            }
        }

        #[test]
        fn any_text_is_parsed(text in "\\PC{0,60}") {
            let _ = (elements(&text), node(&text));
        }

        #[test]
        fn every_address_is_read_with_a_port(address in any::<IpAddr>(), port in any::<u16>()) {
            let with_port = std::net::SocketAddr::new(address, port).to_string();
            prop_assert_eq!(node(&with_port), Some(address));
            prop_assert_eq!(node(&address.to_string()), Some(address));
            let quoted = elements(&format!("for=\"{with_port}\"")).expect("well-formed");
            prop_assert_eq!(quoted[0].address, Some(address));
        }
    }
}
