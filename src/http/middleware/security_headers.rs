//! The headers that tell browsers what a page of this server may do.

use poem::{
    Endpoint, Middleware, Request, Response, Result,
    http::{
        HeaderName, HeaderValue,
        header::{
            CONTENT_SECURITY_POLICY, Entry, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
            X_FRAME_OPTIONS,
        },
    },
};

use crate::http::client::Client;

/// The headers and their values. Nothing is loaded from elsewhere, nothing runs inline, and no
/// other site may frame a page or learn where its reader came from.
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

/// One that browsers refuse, with an error in their console, from a server without HTTPS.
const HTTPS_ONLY: (HeaderName, HeaderValue) = (
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderValue::from_static("same-origin"),
);

/// A middleware that adds the security headers to each response which does not set them itself.
///
/// It makes a response of an error, so it belongs outside of everything that handles errors.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecurityHeaders;

impl<E: Endpoint> Middleware<E> for SecurityHeaders {
    type Output = SecurityHeadersEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        SecurityHeadersEndpoint(inner)
    }
}

/// The endpoint of [`SecurityHeaders`]; it never fails.
pub struct SecurityHeadersEndpoint<E>(E);

impl<E: Endpoint> Endpoint for SecurityHeadersEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let https = request.data::<Client>().is_some_and(|client| client.https);
        let mut response = self.0.get_response(request).await;
        for (name, value) in HEADERS.into_iter().chain(https.then_some(HTTPS_ONLY)) {
            if let Entry::Vacant(vacant) = response.headers_mut().entry(name) {
                vacant.insert(value);
            }
        }
        Ok(response)
    }
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
    async fn every_response_has_them_and_so_have_errors() {
        let page = make_sync(|_| "page").with(SecurityHeaders);
        let failure =
            make(|_| async { Err::<(), Error>(Error::from_status(StatusCode::NOT_FOUND)) })
                .with(SecurityHeaders);

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
    async fn one_is_for_https_alone() {
        let (name, value) = HTTPS_ONLY;
        for (https, expected) in [(true, Some(&value)), (false, None)] {
            let page = make_sync(|_| "page").with(SecurityHeaders);
            let client = Client { address: Ipv4Addr::LOCALHOST.into(), https, host: None };
            let request = Request::builder().extension(client).finish();
            let response = page.get_response(request).await;
            assert_eq!(response.headers().get(&name), expected, "{https}");
        }
    }

    #[tokio::test]
    async fn what_a_handler_has_set_stays() {
        let docs = make_sync(|_| {
            "docs".with_header(CONTENT_SECURITY_POLICY, "default-src 'self'").into_response()
        })
        .with(SecurityHeaders);

        let response = docs.get_response(Request::default()).await;

        let policies: Vec<_> = response.headers().get_all(CONTENT_SECURITY_POLICY).iter().collect();
        assert_eq!(policies, ["default-src 'self'"]);
        assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY");
    }
}
