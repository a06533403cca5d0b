//! Absolute addresses, for readers who are elsewhere.

/// The year since which this program makes identities of the names of its hosts (RFC 4151).
const TAG_YEAR: u16 = 2026;

/// Where this server's pages are, as the client of a request calls it.
#[derive(Debug, Clone)]
pub struct Site {
    origin: String,
}

impl Site {
    /// `origin` is the scheme and the host; nothing where they are not known, so that addresses are
    /// relative.
    #[must_use]
    pub fn new(origin: String) -> Self {
        Self { origin }
    }

    /// The address of a path, which is percent-encoded.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// An identity for what is at a path, which never changes: another scheme or port makes no other
    /// one (RFC 4151).
    #[must_use]
    pub fn tag(&self, path: &str) -> String {
        let (_, authority) = self.origin.split_once("://").unwrap_or(("", "localhost"));
        let host = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let host = host.map_or(authority, |(host, _)| host).to_ascii_lowercase();
        // Of an IPv6 address, a tag may have no more than the digits.
        let host = host.trim_matches(['[', ']']).replace(':', "-");
        format!("tag:{host},{TAG_YEAR}:{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_of_the_host_alone() {
        for (origin, tag) in [
            ("http://example.org", "tag:example.org,2026:/a"),
            ("https://Example.org:8443", "tag:example.org,2026:/a"),
            ("http://127.0.0.1:5000", "tag:127.0.0.1,2026:/a"),
            ("http://[::1]:5000", "tag:--1,2026:/a"),
            ("http://[::1]", "tag:--1,2026:/a"),
            ("", "tag:localhost,2026:/a"),
        ] {
            assert_eq!(Site::new(origin.to_owned()).tag("/a"), tag, "{origin}");
        }
    }
}
