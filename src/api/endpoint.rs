//! The endpoint of the API: its document, operations, request limits and error rendering.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoResponse, Request, Response, Result, Route, get,
    http::{HeaderValue, Method, StatusCode, header},
};
use poem_openapi::error::{ParseParamError, ParsePathError, ParseRequestPayloadError};

use super::{
    code::Code,
    document::{ROUTES, document_endpoint, openapi_service},
    problem::{FieldError, Problem},
};
use crate::{
    http::{
        compression::compress,
        errors::{add_allow, call_and_render, log_internal},
        middleware::{
            cors::allow_any_origin, request_head::HeadError, request_limits::RequestLimits,
        },
        openapi::DOCUMENT_PATH,
        validators::validate,
    },
    service::Service,
};

/// The API, to be mounted at [`super::PREFIX`]. Renders errors of `limits` as problem details, too.
pub fn endpoint(
    service: Service,
    limits: RequestLimits,
) -> impl Endpoint<Output = Response> + 'static {
    Route::new()
        .at(DOCUMENT_PATH, get(document_endpoint(service.clone())))
        .nest("/", openapi_service())
        .before(move |request| limits.read_body(request))
        .around(render)
        .around(compress)
        .around(allow_any_origin)
        .data(service)
}

/// Renders errors as problem details. Gives what GET returns a validator, and forbids caches to store any
/// other response.
async fn render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let mut response = call_and_render(endpoint, request, async |error| to_response(error)).await;
    add_allow(&mut response, &ROUTES);
    let is_json = response.content_type().is_some_and(|it| it.starts_with("application/json"));
    let has_tag = response.headers().contains_key(header::ETAG);
    if method == Method::GET && response.status() == StatusCode::OK && is_json && !has_tag {
        return validate(&headers, response).await;
    }
    let cache_control = response.headers_mut().entry(header::CACHE_CONTROL);
    cache_control.or_insert(HeaderValue::from_static("no-store"));
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
            Code::MalformedJson.into()
        };
    }
    if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
        return Code::UnknownPath.into();
    }
    if matches!(error.downcast_ref(), Some(HeadError::Host)) {
        return Code::InvalidHost.into();
    }
    match code_of(error.status()) {
        Some(code) => code.into(),
        None => {
            log_internal(error);
            Problem::internal()
        }
    }
}

/// The code of an error of poem, of poem-openapi or of [`RequestLimits`], which the status identifies.
///
/// `None` for a failure of the server.
fn code_of(status: StatusCode) -> Option<Code> {
    Some(match status {
        StatusCode::NOT_FOUND => Code::UnknownPath,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Code::BodyTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        status if status.is_client_error() => Code::UnreadableBody,
        _ => return None,
    })
}
