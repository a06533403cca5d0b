//! Turns every error into a JSON response.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Request, Response, Result, http::StatusCode};
use poem_openapi::error::{
    AuthorizationError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

use super::{
    auth::authenticate, document::ROUTES, error::ErrorResponse, judgement::Subject,
    rejected_command,
};
use crate::{
    http::{
        errors::{add_allow, call_and_render, log_internal},
        middleware::request_head::HeadError,
    },
    service::Service,
};

/// Calls `endpoint`, and turns its error or panic into a JSON response.
pub(super) async fn render_errors<E: Endpoint<Output = Response>>(
    endpoint: Arc<E>,
    mut request: Request,
) -> Result<Response> {
    let authenticated = authenticate(&mut request);
    let service = request.data::<Service>().cloned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let render = async |error: poem::Error| {
        if error.is_from_response() {
            // The operation has reported the rejected command.
            return error.into_response();
        }
        let mut response = error_response(&error);
        // Without a valid host, it is not clear that the request is for this server.
        let is_ambiguous = matches!(error.downcast_ref(), Some(HeadError::Host));
        if let (Some(service), false) = (&service, is_ambiguous) {
            response = Subject::of(&path).judge(service, authenticated, response).await;
        }
        rejected_command::report_unread(&method, &path, authenticated, &response);
        response.into_response()
    };
    let mut response = call_and_render(endpoint, request, render).await;
    add_allow(&mut response, &ROUTES);
    Ok(response)
}

fn error_response(error: &poem::Error) -> ErrorResponse {
    if error.is::<AuthorizationError>() {
        return ErrorResponse::unauthorized();
    }
    if let Some(ParseParamError { name, .. }) = error.downcast_ref() {
        return ErrorResponse::invalid_field(name, "must be a number that is not negative");
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        // `reason` may quote a value of the wrong type, such as a password.
        let rule = if reason.starts_with("Expected input type") {
            "must be a JSON object"
        } else {
            "must be well-formed JSON"
        };
        return ErrorResponse::invalid_field("body", rule);
    }
    if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
        return ErrorResponse::new(StatusCode::NOT_FOUND, "There is no user of that name");
    }
    match error.status() {
        StatusCode::NOT_FOUND => ErrorResponse::new(StatusCode::NOT_FOUND, "There is nothing here"),
        status if status.is_client_error() => ErrorResponse::new(status, error.to_string()),
        _ => {
            log_internal(error);
            ErrorResponse::internal()
        }
    }
}
