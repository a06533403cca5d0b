//! Serves paths with doubled or trailing slashes without a redirect.
//!
//! Some clients have a base URL that ends in a slash and request `//register`; others request
//! `/latest/`. After a redirect, some repeat a POST as a GET, and others fail.
//! Percent-encoded bytes that are not UTF-8 become U+FFFD. Such a path then matches its route with a
//! name that cannot exist, so that the route's own 404 applies.
//!
//! poem's `NormalizePath` keeps such bytes, and runs a regular expression on each request.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use poem::{
    Request, Result,
    http::{Uri, uri::PathAndQuery},
};

/// Normalizes the path of `request`.
///
/// `//register` becomes `/register`, `/latest/` becomes `/latest`, and `/%FF` becomes
/// `/%EF%BF%BD`. The path `/`, the query and percent-encoded slashes stay.
pub async fn normalize_path(mut request: Request) -> Result<Request> {
    if let Some(uri) = normalized(request.uri()) {
        *request.uri_mut() = uri;
    }
    Ok(request)
}

/// `uri` with a normalized path; `None`, without an allocation, if nothing changes.
fn normalized(uri: &Uri) -> Option<Uri> {
    let valid = replace_invalid_utf8(uri.path());
    let mut path = merge_slashes(valid.as_deref().unwrap_or(uri.path())).or(valid)?;
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// `path` with U+FFFD for bytes that are not UTF-8; `None` if there are none.
fn replace_invalid_utf8(path: &str) -> Option<String> {
    if percent_decode_str(path).decode_utf8().is_ok() {
        return None;
    }
    let replace = |segment| {
        let text = percent_decode_str(segment).decode_utf8_lossy();
        utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
    };
    Some(path.split('/').map(replace).collect::<Vec<_>>().join("/"))
}

/// `path` without empty segments; `None` if it has none.
fn merge_slashes(path: &str) -> Option<String> {
    if !path.contains("//") && (!path.ends_with('/') || path == "/") {
        return None;
    }
    let mut merged = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        merged.push('/');
        merged.push_str(segment);
    }
    if merged.is_empty() {
        merged.push('/');
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use poem::{Endpoint, EndpointExt, endpoint::make_sync};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_segments_and_invalid_utf8_are_replaced() {
        for (given, expected) in [
            ("//register", "/register"),
            ("/latest/", "/latest"),
            ("///fllws///alice//", "/fllws/alice"),
            ("//", "/"),
            ("//msgs/?no=20&next=//a//", "/msgs?no=20&next=//a//"),
            ("//?a=/", "/?a=/"),
            ("/a%2F%2Fb/", "/a%2F%2Fb"),
            ("http://example.org//a/?b", "http://example.org/a?b"),
            ("/msgs/a%2Fb%FF?no=1", "/msgs/a%2Fb%EF%BF%BD?no=1"),
        ] {
            let uri: Uri = given.parse().expect("a URI");
            assert_eq!(normalized(&uri).expect("a change").to_string(), expected, "{given}");
        }
    }

    #[test]
    fn a_normal_path_is_unchanged() {
        for given in ["/", "/register", "/?a=//", "/a%2F%2F", "*", "example.org:443", "/a/./b"] {
            let uri: Uri = given.parse().expect("a URI");
            assert_eq!(normalized(&uri), None, "{given}");
        }
    }

    #[tokio::test]
    async fn handlers_get_the_normalized_path() {
        let echo = make_sync(|request| request.uri().to_string()).before(normalize_path);
        let request = Request::builder().uri_str("//a//b/?c=d/").finish();
        let response = echo.get_response(request).await;
        assert_eq!(response.into_body().into_string().await.expect("text"), "/a/b?c=d/");
    }

    proptest! {
        #[test]
        fn normalizing_keeps_the_segments_and_is_idempotent(
            // Without `%aa`, which is not UTF-8: another test covers it.
            path in "/([g-z/.]|%2F|%){0,20}",
            query in proptest::option::of("[a-z/=&]{0,10}"),
        ) {
            let text = query.map_or(path.clone(), |query| format!("{path}?{query}"));
            let uri: Uri = text.parse().expect("a URI");
            let result = normalized(&uri).unwrap_or_else(|| uri.clone());

            let segments = |uri: &Uri| -> Vec<String> {
                let segments = uri.path().split('/').filter(|it| !it.is_empty());
                // Invalid UTF-8 is U+FFFD before and after.
                let text = |it| percent_decode_str(it).decode_utf8_lossy().into_owned();
                segments.map(text).collect()
            };
            prop_assert_eq!(normalized(&result), None);
            prop_assert_eq!(segments(&result), segments(&uri));
            prop_assert_eq!(result.query(), uri.query());
        }
    }
}
