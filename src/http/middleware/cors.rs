//! Cross-origin requests (CORS): scripts on any site may use an API, without credentials of the browser.
//!
//! Every response, also of an error, allows any origin and never credentials. So a browser sends a
//! cookie only in requests whose responses it hides from the script. A bearer token is not a
//! credential of the browser: the script itself has it.
//!
//! poem's `Cors` names the request's origin instead of `*`, so responses would vary by origin; it
//! replaces a `Vary` header, and rejects an `OPTIONS` request that is no preflight.

use std::sync::Arc;

use poem::{
    Endpoint, Request, Response, Result,
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, ORIGIN,
        },
    },
};

/// In every response. Scripts can read only these headers, and those that browsers always show.
const RESPONSE_HEADERS: [(HeaderName, HeaderValue); 2] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "Allow, Deprecation, Idempotent-Replayed, Link, Location, Retry-After, Sunset, \
             WWW-Authenticate, X-Request-Id",
        ),
    ),
];

/// In the response to a preflight, for all paths and methods: the request itself then gets a 404 or
/// 405 that the script can read.
///
/// `*` stands for any header except `Authorization`. Older browsers do not know it, so the headers
/// of the API have their names. A browser caches the response for a day, or for its own maximum.
const PREFLIGHT_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE")),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, Last-Event-ID, *"),
    ),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Answers preflights, and allows scripts on any site to read the other responses of `endpoint`.
pub async fn allow_any_origin<E: Endpoint>(endpoint: Arc<E>, request: Request) -> Result<Response> {
    let mut response = if is_preflight(&request) {
        let response = Response::builder().status(StatusCode::NO_CONTENT);
        let response = PREFLIGHT_HEADERS
            .into_iter()
            .fold(response, |response, (name, value)| response.header(name, value));
        response.finish()
    } else {
        endpoint.get_response(request).await
    };
    response.headers_mut().extend(RESPONSE_HEADERS);
    Ok(response)
}

/// True if a browser asks whether it may send a request of a script.
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use poem::{
        EndpointExt, Error,
        endpoint::{make, make_sync},
        http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, VARY},
    };

    use super::*;

    fn request(method: Method, headers: &[HeaderName]) -> Request {
        let request = Request::builder().method(method);
        headers.iter().fold(request, |it, name| it.header(name, "GET")).finish()
    }

    #[tokio::test]
    async fn only_a_preflight_does_not_reach_the_endpoint() {
        let both = [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD];
        for (method, headers, preflight) in [
            (Method::OPTIONS, &both[..], true),
            (Method::OPTIONS, &both[..1], false),
            (Method::OPTIONS, &both[1..], false),
            (Method::OPTIONS, &[], false),
            (Method::GET, &both, false),
            (Method::POST, &both[..1], false),
        ] {
            let endpoint = make_sync(|_| "reached").around(allow_any_origin);
            let response = endpoint.get_response(request(method.clone(), headers)).await;
            let expected = if preflight { StatusCode::NO_CONTENT } else { StatusCode::OK };
            assert_eq!(response.status(), expected, "{method} {headers:?}");
            let max_age = response.headers().get(ACCESS_CONTROL_MAX_AGE);
            assert_eq!(max_age.is_some(), preflight, "{method} {headers:?}");
            for (name, value) in RESPONSE_HEADERS {
                assert_eq!(response.headers().get(&name), Some(&value), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn an_error_has_the_headers_and_no_response_allows_credentials_or_varies() {
        let endpoint = make(|_| async { Err::<(), Error>(StatusCode::NOT_FOUND.into()) });
        let endpoint = endpoint.around(allow_any_origin);
        for method in [Method::GET, Method::OPTIONS] {
            let headers = [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD];
            let response = endpoint.get_response(request(method, &headers)).await;
            assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
            assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
            assert!(!response.headers().contains_key(VARY));
        }
    }
}
