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
    types::{Example, ToJSON},
};

use crate::{
    http::{
        errors::{RETRY_AFTER_SECONDS, internal_error_text},
        openapi::{DocumentedError, error_responses},
    },
    service::{Error, ErrorKind},
    telemetry::request::log_failure,
};

/// The contract's text for missing or wrong credentials.
pub(super) const NOT_AUTHORIZED: &str = "You are not authorized to use this resource!";
const UNAVAILABLE: &str = "The service is unavailable for now";

/// An error.
#[derive(Debug, Object)]
#[oai(rename = "Error", example)]
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

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::FORBIDDEN, NOT_AUTHORIZED)
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, internal_error_text())
    }

    /// The response to `error`, which the caller logs if it is the server's.
    pub(super) fn of(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Busy | ErrorKind::Unavailable => {
                let response = Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE);
                return Self { retry_after: Some(RETRY_AFTER_SECONDS), ..response };
            }
            ErrorKind::Internal => return Self::internal(),
        };
        Self { retry_after: error.retry_after(), ..Self::new(status, error.to_string()) }
    }
}

impl From<Error> for ErrorResponse {
    fn from(error: Error) -> Self {
        if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal) {
            log_failure(&error);
        }
        Self::of(&error)
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

/// The errors that an operation documents.
pub(super) trait Failures: Send + Sync + 'static {
    /// Statuses with an example of their text, besides 500 and 503, which all operations have.
    const ERRORS: &'static [(u16, &'static str)];
}

/// Declares types that implement [`Failures`]. Only 400 has a text that depends on the operation.
macro_rules! failures {
    ($($name:ident = [$($status:literal $(: $text:literal)?),*];)*) => {
        $(struct $name;

        impl $crate::simulator_api::error::Failures for $name {
            const ERRORS: &'static [(u16, &'static str)] = &[$(
                ($status, $crate::simulator_api::error::failures!(@text $status $($text)?)),
            )*];
        })*
    };
    (@text $status:literal $text:literal) => { $text };
    (@text $status:literal) => { $crate::simulator_api::error::example_text($status) };
}

pub(super) use failures;

/// The example of an error text, for a status that has the same in all operations.
pub(super) const fn example_text(status: u16) -> &'static str {
    match status {
        403 => NOT_AUTHORIZED,
        404 => "There is no user named Roger Histand",
        408 => "The request's body did not arrive in time",
        413 => "The request's body is too large",
        415 => "the `Content-Type` requested by the client is not supported: text/plain",
        429 => "That was too often; try again in 12 s",
        503 => UNAVAILABLE,
        _ => "Internal Server Error (request 41d8cd98f00b204e)",
    }
}

/// An error response of an operation that documents the errors `F`.
pub(super) struct Failure<F>(ErrorResponse, PhantomData<F>);

impl<F> From<ErrorResponse> for Failure<F> {
    fn from(response: ErrorResponse) -> Self {
        Self(response, PhantomData)
    }
}

impl<F> From<Error> for Failure<F> {
    fn from(error: Error) -> Self {
        ErrorResponse::from(error).into()
    }
}

impl<F> From<Failure<F>> for poem::Error {
    fn from(failure: Failure<F>) -> Self {
        Self::from_response(failure.0.into_response())
    }
}

impl<F: Failures> ApiResponse for Failure<F> {
    fn meta() -> MetaResponses {
        let always = [500, 503].map(|status| (status, example_text(status)));
        let errors = F::ERRORS.iter().copied().chain(always).map(|(status, text)| {
            let body = ErrorBody { status, error_msg: text.to_owned() };
            let summary = description(status).to_owned();
            DocumentedError {
                status,
                name: status.to_string(),
                summary,
                body: body.to_json().unwrap_or_default(),
            }
        });
        error_responses::<Json<ErrorBody>>(errors.collect(), description)
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
