//! Rejects a request if its head leaves open which host it is for, or how its body is coded.

use poem::{
    Request, Result,
    error::ResponseError,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri, Version,
        header::{CONTENT_ENCODING, HOST},
    },
};

use crate::http::client::is_host;

/// The head of a request is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// There is no `Host` (HTTP/1.1), more than one, or an invalid one (RFC 9112, section 3.2).
    #[error("The request must have one valid Host header")]
    Host,
    /// The body has a content coding (RFC 9110, section 8.4).
    #[error("The Content-Encoding is not supported; send the body without a coding")]
    ContentEncoding,
}

impl ResponseError for HeadError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Host => StatusCode::BAD_REQUEST,
            Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// Gives a request with an absolute target (`GET http://example.org/a`) the form of all others.
///
/// The host of the target replaces that of the header `Host`, which must still be valid.
pub async fn normalize_target(mut request: Request) -> Result<Request> {
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let path = request.uri().path_and_query().cloned();
    if let (Some(host), Some(path)) = (host, path)
        && check_host(&request).is_ok()
        && let Ok(host) = HeaderValue::try_from(host)
    {
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = Uri::from(path);
    }
    Ok(request)
}

/// Checks the headers `Host` and `Content-Encoding`.
pub fn check(request: &Request) -> Result<(), HeadError> {
    check_host(request)?;
    match is_coded(request.headers()) {
        true => Err(HeadError::ContentEncoding),
        false => Ok(()),
    }
}

fn check_host(request: &Request) -> Result<(), HeadError> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        // Health checks with HTTP/1.0 have none.
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        (Some(host), None) if host.to_str().is_ok_and(is_host) => Ok(()),
        _ => Err(HeadError::Host),
    }
}

fn is_coded(headers: &HeaderMap) -> bool {
    let identity = |value: &HeaderValue| {
        let codings = value.to_str().unwrap_or("invalid").split(',').map(str::trim);
        codings.into_iter().all(|it| it.is_empty() || it.eq_ignore_ascii_case("identity"))
    };
    !headers.get_all(CONTENT_ENCODING).iter().all(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, headers: &[(&str, &[u8])]) -> Request {
        let mut request = Request::builder().version(version).finish();
        for (name, value) in headers {
            let name = poem::http::HeaderName::try_from(*name).expect("a name");
            let value = HeaderValue::from_bytes(value).expect("a value");
            request.headers_mut().append(name, value);
        }
        request
    }

    #[test]
    fn one_valid_host_is_required_and_in_http_1_0_none() {
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        for (version, hosts, valid) in [
            (new, &[&b"example.org"[..]][..], true),
            (new, &[b"example.org:8080"], true),
            (new, &[b"[::1]:8080"], true),
            (old, &[], true),
            (old, &[b"example.org"], true),
            (new, &[], false),
            (new, &[b""], false),
            (old, &[b""], false),
            (new, &[b"example.org", b"example.org"], false),
            (old, &[b"a", b"b"], false),
            (new, &[b"a b"], false),
            (new, &[b"a,b"], false),
            (new, &[b"user@example.org"], false),
            (new, &[b"example.org/path"], false),
            (new, &[b"example.org:port"], false),
            (new, &[b"example.org:99999"], false),
            (new, &[b"[::1"], false),
            (new, &[b"\xc3\xa9xample.org"], false),
        ] {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            let result = check(&request(version, &headers));
            assert_eq!(result.is_ok(), valid, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn only_the_identity_coding_is_accepted() {
        for (codings, accepted) in [
            (&[][..], true),
            (&["identity"][..], true),
            (&["Identity, identity", ""], true),
            (&["gzip"], false),
            (&["identity, gzip"], false),
            (&["identity", "br"], false),
            (&["nonsense"], false),
        ] {
            let mut headers = vec![("host", &b"a"[..])];
            headers.extend(codings.iter().map(|it| ("content-encoding", it.as_bytes())));
            let result = check(&request(Version::HTTP_11, &headers));
            let expected = if accepted { Ok(()) } else { Err(HeadError::ContentEncoding) };
            assert_eq!(result, expected, "{codings:?}");
        }
    }

    #[tokio::test]
    async fn the_host_of_an_absolute_target_counts() {
        let with = |target: &str, hosts: &[&[u8]]| {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            let mut request = request(Version::HTTP_11, &headers);
            *request.uri_mut() = target.parse().expect("a URI");
            normalize_target(request)
        };
        let request = with("http://example.org:80/a?b", &[b"app:5000"]).await.expect("a request");
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers()[HOST], "example.org:80");
        for (target, hosts) in [
            ("http://example.org/", &[][..]),
            ("http://example.org/", &[&b"a"[..], b"b"]),
            ("http://user@example.org/", &[b"a"]),
        ] {
            let request = with(target, hosts).await.expect("a request");
            assert_eq!(check(&request), Err(HeadError::Host), "{target} {hosts:?}");
        }
    }
}
