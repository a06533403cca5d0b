//! Protection against cross-site request forgery (CSRF) by the headers that browsers send.
//!
//! Forms have no hidden token. Browsers since 2020 send `Sec-Fetch-Site` or `Origin` with each POST, and
//! scripts cannot change either. Over plain HTTP, a navigation has neither; `Referer` may show its source.
//! Requests without these headers are allowed: other programs have no cookie that another site could
//! misuse. Browsers have to confirm a change by GET then ([`lacks_proof`]).

use poem::http::{
    HeaderMap, HeaderValue,
    header::{HOST, HeaderName, ORIGIN, REFERER, USER_AGENT},
    uri::Authority,
};

use super::client::Client;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The evidence that another site caused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// The header `Sec-Fetch-Site`.
    #[error("The browser reports that another site sent the request")]
    FetchSite,
    /// The header `Origin`, which names another site or none.
    #[error("The request's origin is not this site")]
    Origin,
    /// The header `Referer`, which names another site.
    #[error("The request comes from another site")]
    Referer,
}

/// Rejects a request that another site caused. For requests that change state.
///
/// The server's own host is that of `client`, or else of the header `Host`. If it has no port,
/// HTTPS implies 443. Without HTTPS the default port of the origin's scheme applies, because a proxy
/// that is not trusted may have terminated TLS.
pub fn reject_cross_site(headers: &HeaderMap, client: &Client) -> Result<(), CrossSite> {
    let allowed = |value: &HeaderValue| value == "same-origin" || value == "none";
    if !headers.get_all(SEC_FETCH_SITE).iter().all(allowed) {
        return Err(CrossSite::FetchSite);
    }
    if !headers.get_all(ORIGIN).iter().all(|origin| is_own(origin, headers, client)) {
        return Err(CrossSite::Origin);
    }
    if !has_fetch_site_or_origin(headers)
        && !headers.get_all(REFERER).iter().all(|page| is_own(page, headers, client))
    {
        return Err(CrossSite::Referer);
    }
    Ok(())
}

/// True if a browser sent the request and does not prove what caused it. Another site can suppress
/// `Referer`, and one of the server's own pages may contain another user's link.
pub fn lacks_proof(headers: &HeaderMap) -> bool {
    let is_browser = |agent: &HeaderValue| agent.as_bytes().starts_with(b"Mozilla/");
    headers.get_all(USER_AGENT).iter().any(is_browser) && !has_fetch_site_or_origin(headers)
}

fn has_fetch_site_or_origin(headers: &HeaderMap) -> bool {
    headers.contains_key(SEC_FETCH_SITE) || headers.contains_key(ORIGIN)
}

/// True if the browser reports a page of this server as the source, through a form or a link.
pub fn is_from_own_page(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_FETCH_SITE).iter().any(|value| value == "same-origin")
}

/// True if `source`, an origin or the address of a page, is of this server.
fn is_own(source: &HeaderValue, headers: &HeaderMap, client: &Client) -> bool {
    let forwarded = client.host.as_deref();
    let host = forwarded.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    let (Some(host), Some((scheme, origin))) =
        (host, source.to_str().ok().and_then(|source| source.split_once("://")))
    else {
        return false;
    };
    let origin = origin.split(['/', '?', '#']).next().unwrap_or_default();
    let Some(origin_default) = default_port(scheme) else { return false };
    let own_default = if client.https { HTTPS_PORT } else { origin_default };
    let (Some(own), Some(origin)) =
        (host_and_port(host, own_default), host_and_port(origin, origin_default))
    else {
        return false;
    };
    own.0.eq_ignore_ascii_case(origin.0) && own.1 == origin.1
}

const HTTPS_PORT: u16 = 443;

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(HTTPS_PORT),
        _ => None,
    }
}

/// The host and port of an authority that has no user.
fn host_and_port(text: &str, default_port: u16) -> Option<(&str, u16)> {
    let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
    let (host, port) = text.split_at(authority.host().len());
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None => default_port,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        slice,
    };

    use super::*;

    const CLIENT: Client =
        Client { address: IpAddr::V4(Ipv4Addr::LOCALHOST), https: false, host: None };

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn sec_fetch_site_decides() {
        for (site, rejected) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("SAME-ORIGIN", true),
            ("", true),
        ] {
            let result = reject_cross_site(&headers(&[(SEC_FETCH_SITE, site)]), &CLIENT);
            assert_eq!(result, if rejected { Err(CrossSite::FetchSite) } else { Ok(()) }, "{site}");
        }
    }

    #[test]
    fn an_origin_is_compared_with_the_host() {
        for (host, origin, own) in [
            ("example.org", "https://example.org", true),
            ("example.org", "http://example.org", true),
            ("Example.ORG", "http://example.org", true),
            ("example.org:80", "http://example.org", true),
            ("example.org:443", "https://example.org", true),
            ("example.org", "https://example.org:443", true),
            ("localhost:5000", "http://localhost:5000", true),
            ("[::1]:5000", "http://[::1]:5000", true),
            ("example.org", "http://example.org:8080", false),
            ("example.org:8080", "http://example.org", false),
            ("example.org:80", "https://example.org", false),
            ("example.org", "http://evil.test", false),
            ("example.org", "http://example.org.evil.test", false),
            ("example.org", "http://sub.example.org", false),
            ("example.org", "http://example.org@evil.test", false),
            ("example.org", "http://evil.test@example.org", false),
            ("example.org", "http://example.org:99999", false),
            ("example.org", "ftp://example.org", false),
            ("example.org", "example.org", false),
            ("example.org", "null", false),
            ("example.org", "", false),
            ("", "http://example.org", false),
        ] {
            let result = reject_cross_site(&headers(&[(HOST, host), (ORIGIN, origin)]), &CLIENT);
            let expected = if own { Ok(()) } else { Err(CrossSite::Origin) };
            assert_eq!(result, expected, "{host} {origin}");
        }
    }

    #[test]
    fn the_host_of_a_trusted_proxy_has_precedence() {
        let client = Client { https: true, host: Some("example.org".to_owned()), ..CLIENT };
        for (origin, own) in [
            ("https://example.org", true),
            ("https://example.org:443", true),
            ("http://example.org", false),
            ("https://app:5000", false),
        ] {
            let headers = headers(&[(HOST, "app:5000"), (ORIGIN, origin)]);
            assert_eq!(reject_cross_site(&headers, &client).is_ok(), own, "{origin}");
        }
    }

    #[test]
    fn only_a_browser_without_evidence_lacks_proof() {
        let browser = (USER_AGENT, "Mozilla/5.0 (X11)");
        for (pairs, lacks) in [
            (&[browser.clone()][..], true),
            (&[browser.clone(), (REFERER, "http://example.org/")], true),
            (&[browser.clone(), (SEC_FETCH_SITE, "none")], false),
            (&[browser, (ORIGIN, "http://example.org")], false),
            (&[(USER_AGENT, "curl/8")], false),
            (&[(USER_AGENT, "python-requests/2 Mozilla/5.0")], false),
            (&[], false),
        ] {
            assert_eq!(lacks_proof(&headers(pairs)), lacks, "{pairs:?}");
        }
    }

    #[test]
    fn missing_headers_are_allowed_and_one_foreign_header_is_rejected() {
        let own = (ORIGIN, "http://example.org");
        let own_page = (REFERER, "http://example.org/public?a#b");
        let host = (HOST, "example.org");
        for (pairs, expected) in [
            (&[][..], Ok(())),
            (slice::from_ref(&host), Ok(())),
            (&[host.clone(), own.clone(), (SEC_FETCH_SITE, "same-origin")], Ok(())),
            (&[host.clone(), own.clone(), (ORIGIN, "http://evil.test")], Err(CrossSite::Origin)),
            (
                &[host.clone(), own.clone(), (SEC_FETCH_SITE, "cross-site")],
                Err(CrossSite::FetchSite),
            ),
            (slice::from_ref(&own), Err(CrossSite::Origin)),
            (&[host.clone(), own_page.clone()], Ok(())),
            (&[host.clone(), (REFERER, "http://evil.test/example.org")], Err(CrossSite::Referer)),
            (&[host.clone(), (REFERER, "http://example.org:81/")], Err(CrossSite::Referer)),
            (&[host.clone(), (REFERER, "http://example.org.evil.test/")], Err(CrossSite::Referer)),
            (&[host.clone(), (REFERER, "http://user@example.org/")], Err(CrossSite::Referer)),
            (&[host.clone(), (REFERER, "about:blank")], Err(CrossSite::Referer)),
            (&[host.clone(), (REFERER, "")], Err(CrossSite::Referer)),
            (&[own_page], Err(CrossSite::Referer)),
            // A browser's better evidence counts alone.
            (&[host.clone(), own.clone(), (REFERER, "http://evil.test/")], Ok(())),
            (&[host.clone(), (SEC_FETCH_SITE, "none"), (REFERER, "http://evil.test/")], Ok(())),
        ] {
            assert_eq!(reject_cross_site(&headers(pairs), &CLIENT), expected, "{pairs:?}");
        }
    }
}
