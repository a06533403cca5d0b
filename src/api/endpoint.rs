//! The endpoint of the API: operations, request limits and error rendering.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Middleware, PathPattern, Request, Response,
    Result,
    endpoint::BoxEndpoint,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::error::{ParseParamError, ParsePathError, ParseRequestPayloadError};

use super::{
    document::{ROUTES, openapi_service},
    problem::{FieldError, Problem},
};
use crate::{service::Service, telemetry::request::log_failure};

/// The API, to be mounted at [`super::PREFIX`]. `limits` wraps every operation; its errors are rendered
/// as problem details, too.
pub fn endpoint<M>(service: Service, limits: M) -> impl Endpoint<Output = Response> + 'static
where
    M: Middleware<BoxEndpoint<'static, Response>>,
    M::Output: 'static,
{
    openapi_service()
        .into_endpoint()
        .map_to_response()
        .boxed()
        .with(limits)
        .around(render)
        .data(service)
}

/// Renders errors as problem details, and forbids caches to store any response: it may be private.
async fn render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let mut response = match AssertUnwindSafe(endpoint.call(request)).catch_unwind().await {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(error)) => error_response(error),
        // The panic hook has logged the panic.
        Err(_) => Problem::internal().into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn error_response(error: poem::Error) -> Response {
    let pattern = error.data::<PathPattern>().cloned();
    let mut response = if error.is_from_response() {
        error.into_response()
    } else {
        problem(&error).into_response()
    };
    let Some(pattern) = pattern else { return response };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(methods) = ROUTES.allow(&pattern.0)
    {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response.set_data(pattern);
    response
}

/// Maps an error of poem or poem-openapi to a problem.
fn problem(error: &poem::Error) -> Problem {
    if let Some(ParseParamError { name, .. }) = error.downcast_ref() {
        return Problem::invalid_fields(vec![FieldError::new(name, "is malformed")]);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        // `reason` may quote a value, such as a password, so it is not sent.
        return if reason.starts_with("Expected input type") {
            Problem::invalid_fields(vec![FieldError::new("body", "must be a JSON object")])
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "The body must be well-formed JSON")
        };
    }
    if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
        return Problem::no_such_path();
    }
    match error.status() {
        StatusCode::NOT_FOUND => Problem::no_such_path(),
        status if status.is_client_error() => Problem::new(status, error.to_string()),
        _ => {
            log_failure(error);
            Problem::internal()
        }
    }
}
