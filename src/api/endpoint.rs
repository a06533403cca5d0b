//! The endpoint of the API: operations, request limits and error rendering.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Request, Response, Result,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::error::{ParseParamError, ParsePathError, ParseRequestPayloadError};

use super::{
    document::{ROUTES, openapi_service},
    problem::{FieldError, Problem},
};
use crate::{
    http::{
        errors::{add_allow, call_and_render, log_internal},
        middleware::request_limits::RequestLimits,
    },
    service::Service,
};

/// The API, to be mounted at [`super::PREFIX`]. Renders errors of `limits` as problem details, too.
pub fn endpoint(
    service: Service,
    limits: RequestLimits,
) -> impl Endpoint<Output = Response> + 'static {
    openapi_service()
        .into_endpoint()
        .before(move |request| limits.read_body(request))
        .around(render)
        .data(service)
}

/// Renders errors as problem details. Forbids caches to store responses, which may be private.
async fn render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let mut response = call_and_render(endpoint, request, async |error| to_response(error)).await;
    add_allow(&mut response, &ROUTES);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn to_response(error: poem::Error) -> Response {
    if error.is_from_response() { error.into_response() } else { problem(&error).into_response() }
}

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
            log_internal(error);
            Problem::internal()
        }
    }
}
