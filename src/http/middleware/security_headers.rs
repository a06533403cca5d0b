//! Security headers, with which browsers restrict the pages of this server.

use std::sync::Arc;

use poem::{
    Endpoint, Request, Response, Result,
    http::{
        HeaderName, HeaderValue,
        header::{
            CONTENT_SECURITY_POLICY, Entry, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
            X_FRAME_OPTIONS,
        },
    },
};

use crate::http::client::Client;

/// A page loads nothing from other sites and runs no inline scripts. Other sites cannot frame it and
/// get no `Referer` from it.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// For HTTPS only: browsers ignore it over HTTP, and report an error in their console.
const HTTPS_ONLY: (HeaderName, HeaderValue) = (
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderValue::from_static("same-origin"),
);

/// Adds the security headers that the response of `endpoint` does not set itself.
pub async fn add_security_headers<E: Endpoint>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let https = request.data::<Client>().is_some_and(|client| client.https);
    let mut response = endpoint.get_response(request).await;
    for (name, value) in HEADERS.into_iter().chain(https.then_some(HTTPS_ONLY)) {
        if let Entry::Vacant(vacant) = response.headers_mut().entry(name) {
            vacant.insert(value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use poem::{
        EndpointExt, IntoResponse,
        endpoint::{make, make_sync},
        error::Error,
        http::StatusCode,
    };

    use super::*;

    #[tokio::test]
    async fn responses_and_errors_have_the_headers() {
        let page = make_sync(|_| "page").around(add_security_headers);
        let failure =
            make(|_| async { Err::<(), Error>(Error::from_status(StatusCode::NOT_FOUND)) })
                .around(add_security_headers);

        let page = page.get_response(Request::default()).await;
        let failure = failure.get_response(Request::default()).await;

        assert_eq!(failure.status(), StatusCode::NOT_FOUND);
        for response in [page, failure] {
            for (name, value) in HEADERS {
                assert_eq!(response.headers().get(&name), Some(&value), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn the_opener_policy_is_sent_over_https_only() {
        let (name, value) = HTTPS_ONLY;
        for (https, expected) in [(true, Some(&value)), (false, None)] {
            let page = make_sync(|_| "page").around(add_security_headers);
            let client = Client { address: Ipv4Addr::LOCALHOST.into(), https, host: None };
            let request = Request::builder().extension(client).finish();
            let response = page.get_response(request).await;
            assert_eq!(response.headers().get(&name), expected, "{https}");
        }
    }

    #[tokio::test]
    async fn a_header_that_the_handler_sets_stays() {
        let docs = make_sync(|_| {
            "docs".with_header(CONTENT_SECURITY_POLICY, "default-src 'self'").into_response()
        })
        .around(add_security_headers);

        let response = docs.get_response(Request::default()).await;

        let policies: Vec<_> = response.headers().get_all(CONTENT_SECURITY_POLICY).iter().collect();
        assert_eq!(policies, ["default-src 'self'"]);
        assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY");
    }
}
