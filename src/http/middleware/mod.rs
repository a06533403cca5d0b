//! The middleware of every request, in one function.

pub mod access_log;
pub mod cors;
mod forwarded;
pub mod normalize_path;
pub mod request_head;
pub mod request_limits;
pub mod security_headers;
pub mod trusted_proxies;

use poem::{Endpoint, EndpointExt, Response, middleware::CatchPanic};

use self::{
    access_log::AccessLog, normalize_path::normalize_path, request_head::normalize_target,
    security_headers::add_security_headers, trusted_proxies::TrustedProxies,
};
use super::errors::internal_error_response;

/// Puts the middleware of every request around `endpoint`.
///
/// A request passes, in this order:
/// 1. [`normalize_target`]: removes the host from the target;
/// 2. [`normalize_path()`]: merges slashes in the path;
/// 3. [`TrustedProxies`]: determines the client;
/// 4. [`AccessLog`]: starts the span with the request id; afterwards logs and counts the response;
/// 5. [`add_security_headers`]: adds headers to the response;
/// 6. [`CatchPanic`]: turns a panic outside of the surfaces into a response;
/// 7. the routes of `endpoint`.
///
/// Each surface then renders its own errors ([`call_and_render`](super::errors::call_and_render))
/// around [`RequestLimits`](request_limits::RequestLimits), so a rejected head or body gets the surface's
/// format.
pub fn stack(
    endpoint: impl Endpoint<Output = Response> + 'static,
    proxies: TrustedProxies,
    access_log: AccessLog,
) -> impl Endpoint<Output = Response> + 'static {
    endpoint
        .with(CatchPanic::new().with_handler(|_| internal_error_response()))
        .around(add_security_headers)
        .around(move |endpoint, request| access_log.call(endpoint, request))
        .before(move |request| std::future::ready(Ok(proxies.identify(request))))
        .before(normalize_path)
        .before(normalize_target)
}
