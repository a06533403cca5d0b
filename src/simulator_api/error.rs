//! The error responses: JSON such as `{"status": 404, "error_msg": "…"}`.

use std::{fmt, marker::PhantomData};

use poem::{
    IntoResponse, Response,
    http::{StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    payload::{Json, Payload},
    registry::{MetaResponses, Registry},
    types::Example,
};

use crate::{
    http::{
        errors::internal_error_text,
        openapi::{Statuses, error_responses},
    },
    service::{Error, ErrorKind},
    telemetry::request::log_failure,
};

const RETRY_AFTER_SECONDS: u64 = 1;

/// An error.
#[derive(Debug, Object)]
#[oai(example)]
struct ErrorBody {
    /// The HTTP status.
    status: u16,
    /// The cause; for an internal error, only the request id under which the server logs the cause.
    error_msg: String,
}

impl Example for ErrorBody {
    fn example() -> Self {
        Self { status: 404, error_msg: "There is no user named Roger Histand".to_owned() }
    }
}

/// An error response.
#[derive(Debug, Clone)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    pub(super) text: String,
    retry_after: Option<u64>,
}

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after: None }
    }

    pub(super) fn invalid_field(field: &str, rule: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("{field}: {rule}"))
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, internal_error_text())
    }
}

impl From<Error> for ErrorResponse {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable => {
                log_failure(&error);
                let text = "The service is unavailable for now";
                let response = Self::new(StatusCode::SERVICE_UNAVAILABLE, text);
                return Self { retry_after: Some(RETRY_AFTER_SECONDS), ..response };
            }
            ErrorKind::Internal => {
                log_failure(&error);
                return Self::internal();
            }
        };
        Self { retry_after: error.retry_after(), ..Self::new(status, error.to_string()) }
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let body = ErrorBody { status: self.status.as_u16(), error_msg: self.text };
        let mut response = Json(body).into_response();
        response.set_status(self.status);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An error response of an operation that documents the statuses `S`.
pub(super) struct Failure<S>(ErrorResponse, PhantomData<S>);

impl<S> From<ErrorResponse> for Failure<S> {
    fn from(response: ErrorResponse) -> Self {
        Self(response, PhantomData)
    }
}

impl<S> From<Error> for Failure<S> {
    fn from(error: Error) -> Self {
        ErrorResponse::from(error).into()
    }
}

impl<S> From<Failure<S>> for poem::Error {
    fn from(failure: Failure<S>) -> Self {
        Self::from_response(failure.0.into_response())
    }
}

impl<S: Statuses> ApiResponse for Failure<S> {
    fn meta() -> MetaResponses {
        error_responses::<Json<ErrorBody>>(S::STATUSES, description)
    }

    fn register(registry: &mut Registry) {
        <Json<ErrorBody> as Payload>::register(registry);
    }
}

fn description(status: u16) -> &'static str {
    match status {
        400 => "A parameter or field breaks a rule, or the body is not JSON.",
        403 => "The credentials are missing or wrong.",
        404 => "The user does not exist.",
        408 => "The body did not arrive in time.",
        413 => "The body is too large.",
        415 => "Unsupported Content-Type; send `application/json`.",
        429 => {
            "Too many registrations from the client's address. Requests with the credentials have no limit."
        }
        503 => "The server or its database is overloaded or unavailable.",
        _ => "Internal error. The server logs the cause under the request id.",
    }
}
