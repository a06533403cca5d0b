//! Turns errors and panics into responses. Each surface passes a function from error to response.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, PathPattern, Request, Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};

use super::{methods::Allow, middleware::request_head::HeadError, routes::Routes};
use crate::telemetry::request::{RequestId, log_failure};

/// The `Retry-After` of every 503 response, in seconds.
///
/// Full queues are empty again within a second, and a restarted database or replica is ready after
/// one or two. A shorter time would make clients retry in vain, a longer one would prolong the outage.
pub const RETRY_AFTER_SECONDS: u64 = 2;

/// A handler panicked. The panic hook has logged the cause.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
pub struct Panicked;

impl ResponseError for Panicked {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// Calls `endpoint`; `render` turns an error or a panic into a response.
///
/// Moves the error's route pattern to the response, where the access log reads it, and adds the headers
/// that a status requires.
pub async fn call_and_render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
    render: impl AsyncFnOnce(poem::Error) -> Response,
) -> Response {
    let error = match AssertUnwindSafe(endpoint.call(request)).catch_unwind().await {
        Ok(Ok(response)) => return response.into_response(),
        Ok(Err(error)) => error,
        Err(_) => Panicked.into(),
    };
    let pattern = error.data::<PathPattern>().cloned();
    let allow = error.data::<Allow>().copied();
    let is_coded = matches!(error.downcast_ref(), Some(HeadError::ContentEncoding));
    let mut response = render(error).await;
    if let Some(Allow(methods)) = allow {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    if is_coded {
        let identity = HeaderValue::from_static("identity");
        response.headers_mut().insert(header::ACCEPT_ENCODING, identity);
    }
    if let Some(pattern) = pattern {
        response.set_data(pattern);
    }
    response
}

/// Adds the header `Allow` to a 405 response.
pub fn add_allow(response: &mut Response, routes: &'static Routes) {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(PathPattern(pattern)) = response.data()
        && let Some(methods) = routes.allow(pattern)
    {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
}

/// Logs an internal error with its causes, except a panic, which the panic hook has logged.
pub fn log_internal(error: &poem::Error) {
    if !error.is::<Panicked>() {
        log_failure(error);
    }
}

/// The text of a 500 response, with the request id under which the log has the cause.
pub fn internal_error_text() -> String {
    let id = RequestId::current().map(|id| format!(" (request {id})")).unwrap_or_default();
    format!("Internal Server Error{id}")
}

/// The text of a client error, for routes outside of the surfaces.
pub fn plain_text(error: &poem::Error) -> Response {
    if error.status().is_server_error() {
        log_internal(error);
        return internal_error_response();
    }
    Response::builder()
        .status(error.status())
        .content_type("text/plain; charset=utf-8")
        .body(format!("{error}\n"))
}

/// The response to a panic outside of the surfaces.
pub fn internal_error_response() -> Response {
    Response::builder()
        .status(StatusCode::INTERNAL_SERVER_ERROR)
        .content_type("text/plain; charset=utf-8")
        .body(internal_error_text() + "\n")
}
