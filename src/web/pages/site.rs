//! Absolute URLs, for feed readers and other sites.

/// The year in the ids of feeds and entries (RFC 4151). It must never change.
const TAG_YEAR: u16 = 2026;

/// The origin in the client's URL of this server.
#[derive(Debug, Clone)]
pub struct Site {
    origin: String,
}

impl Site {
    /// `origin` is a scheme and a host. If it is unknown, it is empty and URLs are relative.
    pub fn new(origin: String) -> Self {
        Self { origin }
    }

    /// The URL of a percent-encoded path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A permanent id for the resource at a path (RFC 4151), independent of scheme and port.
    pub fn tag_uri(&self, path: &str) -> String {
        let (_, authority) = self.origin.split_once("://").unwrap_or(("", "localhost"));
        let host = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let host = host.map_or(authority, |(host, _)| host).to_ascii_lowercase();
        // A tag URI allows neither brackets nor colons, as in an IPv6 address.
        let host = host.trim_matches(['[', ']']).replace(':', "-");
        format!("tag:{host},{TAG_YEAR}:{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_uri_depends_on_the_host_only() {
        for (origin, tag) in [
            ("http://example.org", "tag:example.org,2026:/a"),
            ("https://Example.org:8443", "tag:example.org,2026:/a"),
            ("http://127.0.0.1:5000", "tag:127.0.0.1,2026:/a"),
            ("http://[::1]:5000", "tag:--1,2026:/a"),
            ("http://[::1]", "tag:--1,2026:/a"),
            ("", "tag:localhost,2026:/a"),
        ] {
            assert_eq!(Site::new(origin.to_owned()).tag_uri("/a"), tag, "{origin}");
        }
    }
}
