//! Turns every error into a JSON response.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use poem::{Endpoint, IntoResponse, Request, Response, Result, http::StatusCode};
use poem_openapi::error::{
    AuthorizationError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

use super::{
    document::ROUTES,
    error::{ErrorResponse, NOT_AUTHORIZED},
    rejected_command,
    user_first::user_first,
};
use crate::{
    http::errors::{add_allow, call_and_render, log_internal},
    service::Service,
};

/// Calls `endpoint`, and turns its error or panic into a JSON response.
pub(super) async fn render_errors<E: Endpoint<Output = Response>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let service = request.data::<Service>().cloned();
    let render = async |error: poem::Error| {
        if error.is_from_response() {
            // The operation has reported the rejected command.
            return error.into_response();
        }
        let refusal = error_response(&error);
        let response = match (service, user_in_path(&path)) {
            (Some(service), Some(username)) => user_first(&service, &username, refusal).await,
            _ => refusal,
        };
        rejected_command::report_unread(&method, &path, &response);
        response.into_response()
    };
    let mut response = call_and_render(endpoint, request, render).await;
    add_allow(&mut response, &ROUTES);
    Ok(response)
}

/// The user in the path of a normalized request.
fn user_in_path(path: &str) -> Option<String> {
    let user = path.strip_prefix("/msgs/").or_else(|| path.strip_prefix("/fllws/"))?;
    Some(percent_decode_str(user).decode_utf8().ok()?.into_owned())
}

fn error_response(error: &poem::Error) -> ErrorResponse {
    if error.is::<AuthorizationError>() {
        return ErrorResponse::new(StatusCode::FORBIDDEN, NOT_AUTHORIZED);
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
