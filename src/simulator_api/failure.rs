//! How the simulator API fails: always as JSON, `{"status": 404, "error_msg": "…"}`.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, PathPattern, Request, Response, Result,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    Object,
    error::{AuthorizationError, ParseParamError, ParseRequestPayloadError},
    types::Example,
};

use super::{document::ROUTES, rejected_command};
use crate::{
    service::{Error, ErrorKind},
    telemetry::request::{RequestId, log_failure},
};

/// Seconds after which a client may try again what the server had no time for.
const RETRY_AFTER_SECONDS: u64 = 1;

/// A failure, whatever its cause.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct Failure {
    /// The HTTP status, once more.
    status: u16,
    /// What is wrong. For a failure of the server, only by which identity its log knows it.
    error_msg: String,
}

impl Example for Failure {
    fn example() -> Self {
        Self { status: 404, error_msg: "There is no user named Roger Histand".to_owned() }
    }
}

/// A failure on its way to the client.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
    /// Seconds after which to try again, where that may help.
    retry_after: Option<u64>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after: None }
    }

    /// The refusal of a request's field.
    pub(super) fn invalid_field(field: &str, rule: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("{field}: {rule}"))
    }

    fn internal() -> Self {
        let id = RequestId::current().map(|id| format!(" (request {id})")).unwrap_or_default();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("Internal Server Error{id}"))
    }

    fn body(self) -> poem_openapi::payload::Json<Failure> {
        let failure = Failure { status: self.status.as_u16(), error_msg: self.text };
        poem_openapi::payload::Json(failure)
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Invalid => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            ErrorKind::Forbidden => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            ErrorKind::NotFound => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            ErrorKind::RateLimited => {
                let answer = Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string());
                Self { retry_after: error.retry_after(), ..answer }
            }
            ErrorKind::Unavailable => {
                log_failure(&error);
                let text = "The service is unavailable for now";
                let answer = Self::new(StatusCode::SERVICE_UNAVAILABLE, text);
                Self { retry_after: Some(RETRY_AFTER_SECONDS), ..answer }
            }
            ErrorKind::Internal => {
                log_failure(&error);
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = self.body().into_response();
        response.set_status(status);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Declares the failures that an operation documents, as a response type for its signature. Those
/// after `later` say when to try again.
macro_rules! failures {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $status:literal,)* }
        $(later { $($(#[$later_meta:meta])* $later:ident = $later_status:literal,)* })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, poem_openapi::ApiResponse)]
        pub(super) enum $name {
            $($(#[$variant_meta])*
            #[oai(status = $status)]
            $variant(poem_openapi::payload::Json<Failure>),)*
            $($($(#[$later_meta])*
            #[oai(status = $later_status)]
            $later(
                poem_openapi::payload::Json<Failure>,
                /// Seconds after which to try again.
                #[oai(header = "Retry-After")]
                u64,
            ),)*)?
            /// The server failed. Its log has the cause, under the request's identity.
            #[oai(status = 500)]
            Internal(poem_openapi::payload::Json<Failure>),
            /// The server, or its database, has no time now.
            #[oai(status = 503)]
            Unavailable(
                poem_openapi::payload::Json<Failure>,
                /// Seconds after which to try again.
                #[oai(header = "Retry-After")]
                u64,
            ),
        }

        impl From<Answer> for $name {
            fn from(answer: Answer) -> Self {
                let retry_after = answer.retry_after.unwrap_or(RETRY_AFTER_SECONDS);
                match answer.status.as_u16() {
                    $($status => Self::$variant(answer.body()),)*
                    $($($later_status => Self::$later(answer.body(), retry_after),)*)?
                    503 => Self::Unavailable(answer.body(), retry_after),
                    _ => Self::Internal(answer.body()),
                }
            }
        }
    };
}

failures! {
    /// Failures of reading what needs no credentials and takes no input.
    LatestFailure {}
}

failures! {
    /// Failures of signing up.
    RegisterFailure {
        /// A field breaks a rule, or the body is not JSON.
        BadRequest = 400,
        /// The body took too long to arrive.
        Timeout = 408,
        /// The body is too large.
        TooLarge = 413,
        /// The body is not called JSON.
        UnsupportedMediaType = 415,
    }
    later {
        /// Without the credentials: too many have signed up from the client's address of late.
        TooMany = 429,
    }
}

failures! {
    /// Failures of reading everybody's messages.
    ReadFailure {
        /// A parameter is malformed.
        BadRequest = 400,
        /// The credentials are missing or wrong.
        Forbidden = 403,
    }
}

failures! {
    /// Failures of reading what is a user's.
    UserReadFailure {
        /// A parameter is malformed.
        BadRequest = 400,
        /// The credentials are missing or wrong.
        Forbidden = 403,
        /// The user does not exist.
        NotFound = 404,
    }
}

failures! {
    /// Failures of a command in a user's name.
    UserWriteFailure {
        /// A field breaks a rule, or the body is not JSON.
        BadRequest = 400,
        /// The credentials are missing or wrong.
        Forbidden = 403,
        /// A user does not exist.
        NotFound = 404,
        /// The body took too long to arrive.
        Timeout = 408,
        /// The body is too large.
        TooLarge = 413,
        /// The body is not called JSON.
        UnsupportedMediaType = 415,
    }
}

/// Around the whole API: turns every error into its answer.
pub(super) async fn render<E: Endpoint<Output = Response>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let error = match AssertUnwindSafe(endpoint.call(request)).catch_unwind().await {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(error)) => error,
        // The panic itself was logged where it happened.
        Err(_) => return Ok(Answer::internal().into_response()),
    };
    let pattern = error.data::<PathPattern>().cloned();
    let mut response = if error.is_from_response() {
        error.into_response()
    } else {
        let answer = describe(&error);
        // An operation reports its own refusals; these came before it.
        rejected_command::unread(&method, &path, &answer);
        answer.into_response()
    };
    if let Some(pattern) = pattern {
        if response.status() == StatusCode::METHOD_NOT_ALLOWED
            && let Some(methods) = ROUTES.allow(&pattern.0)
        {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response.set_data(pattern);
    }
    Ok(response)
}

fn describe(error: &poem::Error) -> Answer {
    if error.is::<AuthorizationError>() {
        let text = "You are not authorized to use this resource!";
        return Answer::new(StatusCode::FORBIDDEN, text);
    }
    if let Some(ParseParamError { name, .. }) = error.downcast_ref() {
        return Answer::invalid_field(name, "must be a number that is not negative");
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        // The library quotes a value of the wrong type, which might be a password.
        let malformed = if reason.starts_with("Expected input type") {
            "must be a JSON object"
        } else {
            "must be well-formed JSON"
        };
        return Answer::invalid_field("body", malformed);
    }
    if error.is::<poem_openapi::error::ParsePathError>()
        || error.is::<poem::error::ParsePathError>()
    {
        return Answer::new(StatusCode::NOT_FOUND, "There is no user of that name");
    }
    match error.status() {
        StatusCode::NOT_FOUND => Answer::new(StatusCode::NOT_FOUND, "There is nothing here"),
        status if status.is_client_error() => Answer::new(status, error.to_string()),
        _ => {
            log_failure(error);
            Answer::internal()
        }
    }
}
