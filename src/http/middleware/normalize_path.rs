//! Paths with doubled and trailing slashes are served in place, without a redirect.
//!
//! Clients whose base URL ends in a slash ask for `//register`, others for `/latest/`, and some of
//! them repeat a POST that was redirected as a GET, or follow no redirect at all. And what is no
//! UTF-8 under its percent-encoding becomes U+FFFD, so that it is nobody's name rather than an
//! error before any route.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use poem::{
    Endpoint, Middleware, Request, Result,
    http::{Uri, uri::PathAndQuery},
};

/// A middleware that takes superfluous slashes, and bytes that are no UTF-8, out of the path of each
/// request.
///
/// `//register` becomes `/register` and `/latest/` becomes `/latest`; `/` stays, and so do the
/// query and slashes that are percent-encoded. `/%FF` becomes `/%EF%BF%BD`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NormalizePath;

impl<E: Endpoint> Middleware<E> for NormalizePath {
    type Output = NormalizePathEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        NormalizePathEndpoint(inner)
    }
}

/// The endpoint of [`NormalizePath`].
pub struct NormalizePathEndpoint<E>(E);

impl<E: Endpoint> Endpoint for NormalizePathEndpoint<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> Result<Self::Output> {
        if let Some(uri) = cleaned(request.uri()) {
            *request.uri_mut() = uri;
        }
        self.0.call(request).await
    }
}

/// `uri` with a clean path; `None`, without an allocation, if it has one.
fn cleaned(uri: &Uri) -> Option<Uri> {
    let in_utf8 = in_utf8(uri.path());
    let mut clean = clean_path(in_utf8.as_deref().unwrap_or(uri.path())).or(in_utf8)?;
    if let Some(query) = uri.query() {
        clean.push('?');
        clean.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(clean).ok()?);
    Uri::from_parts(parts).ok()
}

/// `path` with U+FFFD for every segment's bytes that are no UTF-8; `None` if all of it is.
fn in_utf8(path: &str) -> Option<String> {
    if percent_decode_str(path).decode_utf8().is_ok() {
        return None;
    }
    let clean_segment = |segment| {
        let text = percent_decode_str(segment).decode_utf8_lossy();
        utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
    };
    Some(path.split('/').map(clean_segment).collect::<Vec<_>>().join("/"))
}

/// `path` without superfluous slashes; `None` if it has none.
fn clean_path(path: &str) -> Option<String> {
    if !path.contains("//") && (!path.ends_with('/') || path == "/") {
        return None;
    }
    let mut clean = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        clean.push('/');
        clean.push_str(segment);
    }
    if clean.is_empty() {
        clean.push('/');
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use poem::{EndpointExt, endpoint::make_sync};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn superfluous_slashes_and_broken_text_go_and_all_else_stays() {
        for (given, clean) in [
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
            assert_eq!(cleaned(&uri).expect("unclean").to_string(), clean, "{given}");
        }
    }

    #[test]
    fn what_is_clean_is_left_alone() {
        for given in ["/", "/register", "/?a=//", "/a%2F%2F", "*", "example.org:443", "/a/./b"] {
            let uri: Uri = given.parse().expect("a URI");
            assert_eq!(cleaned(&uri), None, "{given}");
        }
    }

    #[tokio::test]
    async fn handlers_see_the_clean_path() {
        let echo = make_sync(|request| request.uri().to_string()).with(NormalizePath);
        let request = Request::builder().uri_str("//a//b/?c=d/").finish();
        let response = echo.get_response(request).await;
        assert_eq!(response.into_body().into_string().await.expect("text"), "/a/b?c=d/");
    }

    proptest! {
        #[test]
        fn cleaning_keeps_the_segments_and_leaves_nothing_to_clean(
            // A lone `%` stays; `%aa` and the like are no UTF-8, which another test is about.
            path in "/([g-z/.]|%2F|%){0,20}",
            query in proptest::option::of("[a-z/=&]{0,10}"),
        ) {
            let text = query.map_or(path.clone(), |query| format!("{path}?{query}"));
            let uri: Uri = text.parse().expect("a URI");
            let clean = cleaned(&uri).unwrap_or_else(|| uri.clone());

            let segments = |uri: &Uri| -> Vec<String> {
                let segments = uri.path().split('/').filter(|it| !it.is_empty());
                // What is no UTF-8 is U+FFFD before and after.
                let text = |it| percent_decode_str(it).decode_utf8_lossy().into_owned();
                segments.map(text).collect()
            };
            prop_assert_eq!(cleaned(&clean), None);
            prop_assert_eq!(segments(&clean), segments(&uri));
            prop_assert_eq!(clean.query(), uri.query());
        }
    }
}
