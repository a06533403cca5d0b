//! Error responses: problem details (RFC 9457).

use std::fmt;

use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    Object,
    payload::Payload,
    registry::{MetaSchemaRef, Registry},
    types::{Example, ToJSON, Type},
};

use crate::{
    http::errors::internal_error_text,
    service::{Error, ErrorKind},
    telemetry::request::log_failure,
};

/// The `Retry-After` of a 503 response, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;
const TYPE_PREFIX: &str = "urn:problem-type:minitwit:";

/// The body of an error response: problem details (RFC 9457).
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(super) struct Problem {
    /// A URI that identifies the type of problem; `about:blank` if the status identifies it.
    #[oai(rename = "type", validator(max_length = 200))]
    type_uri: String,
    /// A summary of the type of problem; the same text for every problem of this type.
    title: String,
    /// The HTTP status of the response.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    status: u16,
    /// The cause of this problem; for an internal error, only the request id.
    detail: String,
    /// All invalid fields and parameters; absent if the problem is not about fields.
    #[oai(skip_serializing_if_is_empty, default)]
    errors: Vec<FieldError>,
    #[oai(skip)]
    retry_after: Option<u64>,
}

/// An invalid field or parameter.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct FieldError {
    /// The name of the field or parameter; `body` for the body as a whole.
    field: String,
    /// The rule that it violates.
    detail: String,
}

impl Example for Problem {
    fn example() -> Self {
        Self::invalid_fields(vec![FieldError::example()])
    }
}

impl Example for FieldError {
    fn example() -> Self {
        Self::new("email", "You have to enter a valid email address")
    }
}

impl FieldError {
    pub(super) fn new(field: &str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), detail: detail.to_string() }
    }

    #[cfg(test)]
    pub(super) fn rule(&self) -> &str {
        &self.detail
    }
}

impl Problem {
    /// A problem whose type is its status.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            type_uri: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    fn of_type(mut self, name: &str, title: &str) -> Self {
        self.type_uri = format!("{TYPE_PREFIX}{name}");
        title.clone_into(&mut self.title);
        self
    }

    /// 422, with all invalid fields.
    pub(super) fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = match &errors[..] {
            [one] => format!("{}: {}", one.field, one.detail),
            _ => "Several fields are invalid".to_owned(),
        };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        Self { errors, ..problem.of_type("invalid-fields", "Some fields are invalid") }
    }

    /// 404, for a name that no user can have.
    pub(super) fn no_such_user(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no user named {name}"))
    }

    /// 404, for a path that no operation has.
    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no resource at this path")
    }

    pub(super) fn unauthorized() -> Self {
        let detail = "A bearer token is required that is valid, not expired and not revoked";
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 500. The caller has logged the cause.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, internal_error_text())
    }

    pub(super) fn about_field(mut self, field: &str) -> Self {
        self.errors = vec![FieldError::new(field, &self.detail)];
        self
    }

    pub(super) fn into_error(self) -> poem::Error {
        poem::Error::from_response(self.into_response())
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::UsernameTaken => Self::new(StatusCode::CONFLICT, text)
                .of_type("username-taken", "The username is taken")
                .about_field("username"),
            // One text for both, because the difference would reveal which names exist.
            Error::WrongUsername | Error::WrongPassword => {
                Self::new(StatusCode::UNAUTHORIZED, "The username or the password is wrong")
                    .of_type("wrong-credentials", "The credentials are wrong")
            }
            Error::Disabled => Self::new(StatusCode::FORBIDDEN, text)
                .of_type("account-disabled", "The account is disabled"),
            _ => Self::from_kind(&error, text),
        }
    }
}

impl Problem {
    fn from_kind(error: &Error, text: String) -> Self {
        match error.kind() {
            ErrorKind::Invalid => Self::new(StatusCode::UNPROCESSABLE_ENTITY, text)
                .of_type("invalid-fields", "Some fields are invalid"),
            ErrorKind::Forbidden => Self::new(StatusCode::FORBIDDEN, text),
            ErrorKind::NotFound => Self::new(StatusCode::NOT_FOUND, text),
            ErrorKind::RateLimited => Self {
                retry_after: error.retry_after(),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, text)
            },
            ErrorKind::Unavailable => {
                log_failure(error);
                let detail = "The service is temporarily unavailable";
                Self {
                    retry_after: Some(RETRY_AFTER_SECONDS),
                    ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                }
            }
            ErrorKind::Internal => {
                log_failure(error);
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = Response::builder()
            .status(status)
            .content_type(ProblemJson::CONTENT_TYPE)
            .body(self.to_json_string());
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"MiniTwit\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The payload type of error responses, for the document.
pub(super) struct ProblemJson;

impl Payload for ProblemJson {
    const CONTENT_TYPE: &'static str = "application/problem+json";

    fn schema_ref() -> MetaSchemaRef {
        Problem::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_names_a_single_invalid_field() {
        let one = FieldError::new("email", "is wrong");
        let problem = Problem::invalid_fields(vec![one.clone()]);
        assert_eq!((problem.status, problem.detail.as_str()), (422, "email: is wrong"));
        let two = Problem::invalid_fields(vec![one.clone(), one]);
        assert_eq!((two.errors.len(), two.detail.as_str()), (2, "Several fields are invalid"));
    }

    #[tokio::test]
    async fn a_429_response_has_a_retry_after_header() {
        let response = Problem::from(Error::RateLimited { retry_after: 7 }).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.content_type(), Some("application/problem+json"));
    }
}
