//! What a client is told of a failure: problem details (RFC 9457).

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
    service::{Error, ErrorKind},
    telemetry::request::{RequestId, log_failure},
};

/// Seconds after which a client may try again what the server had no time for.
const RETRY_AFTER_SECONDS: u64 = 1;
/// What the URIs of the kinds of problems begin with.
const TYPE_PREFIX: &str = "urn:problem-type:minitwit:";

/// What went wrong (RFC 9457).
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(super) struct Problem {
    /// The kind of problem, as a URI; `about:blank` where the status says it all.
    #[oai(rename = "type", validator(max_length = 200))]
    kind: String,
    /// The kind of problem in words; the same for each of its kind.
    title: String,
    /// The HTTP status, once more.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    status: u16,
    /// What is wrong this time. Of a failure of the server, only by which identity its log knows it.
    detail: String,
    /// The fields and parameters that break a rule, all of them.
    #[oai(skip_serializing_if_is_empty, default)]
    errors: Vec<FieldProblem>,
    #[oai(skip)]
    retry_after: Option<u64>,
}

/// A field or parameter that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct FieldProblem {
    /// The name of the field or parameter; `body` for the body as a whole.
    field: String,
    /// The rule that it breaks.
    detail: String,
}

impl Example for Problem {
    fn example() -> Self {
        Self::invalid(vec![FieldProblem::example()])
    }
}

impl Example for FieldProblem {
    fn example() -> Self {
        Self::new("email", "You have to enter a valid email address")
    }
}

impl FieldProblem {
    pub(super) fn new(field: &str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), detail: detail.to_string() }
    }

    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

impl Problem {
    /// A problem of which the status says the kind.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    fn of_kind(mut self, kind: &str, title: &str) -> Self {
        self.kind = format!("{TYPE_PREFIX}{kind}");
        title.clone_into(&mut self.title);
        self
    }

    /// The refusal of a request for these fields.
    pub(super) fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = match &errors[..] {
            [one] => format!("{}: {}", one.field, one.detail),
            _ => "Several fields break a rule".to_owned(),
        };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        Self { errors, ..problem.of_kind("invalid-fields", "Some fields break a rule") }
    }

    /// Nobody has this name, since nobody can have it.
    pub(super) fn no_such_user(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no user named {name}"))
    }

    /// The request needs a token that is good.
    pub(super) fn unauthorized() -> Self {
        let detail = "A bearer token is needed that has neither ended nor been revoked";
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// The server failed; the log has the cause.
    pub(super) fn internal() -> Self {
        let id = RequestId::current().map(|id| format!(" (request {id})")).unwrap_or_default();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("Internal Server Error{id}"))
    }

    /// Says that the problem is about this field.
    pub(super) fn about(mut self, field: &str) -> Self {
        self.errors = vec![FieldProblem::new(field, &self.detail)];
        self
    }

    /// The problem as the error of an extractor.
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
                .of_kind("username-taken", "The username is taken")
                .about("username"),
            // Which of the two is wrong is nobody's business.
            Error::WrongUsername | Error::WrongPassword => {
                Self::new(StatusCode::UNAUTHORIZED, "The username or the password is wrong")
                    .of_kind("wrong-credentials", "The credentials are wrong")
            }
            Error::Disabled => Self::new(StatusCode::FORBIDDEN, text)
                .of_kind("account-disabled", "The account is disabled"),
            _ => Self::of_remaining(&error, text),
        }
    }
}

impl Problem {
    fn of_remaining(error: &Error, text: String) -> Self {
        match error.kind() {
            ErrorKind::Invalid => Self::new(StatusCode::UNPROCESSABLE_ENTITY, text)
                .of_kind("invalid-fields", "Some fields break a rule"),
            ErrorKind::Forbidden => Self::new(StatusCode::FORBIDDEN, text),
            ErrorKind::NotFound => Self::new(StatusCode::NOT_FOUND, text),
            ErrorKind::RateLimited => Self {
                retry_after: error.retry_after(),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, text)
            },
            ErrorKind::Unavailable => {
                log_failure(error);
                Self {
                    retry_after: Some(RETRY_AFTER_SECONDS),
                    ..Self::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "The service is unavailable for now",
                    )
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

/// The media type of problem details, for the document.
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
    fn a_problem_names_the_field_or_says_that_there_are_several() {
        let one = FieldProblem::new("email", "is wrong");
        let problem = Problem::invalid(vec![one.clone()]);
        assert_eq!((problem.status, problem.detail.as_str()), (422, "email: is wrong"));
        let two = Problem::invalid(vec![one.clone(), one]);
        assert_eq!((two.errors.len(), two.detail.as_str()), (2, "Several fields break a rule"));
    }

    #[tokio::test]
    async fn what_is_to_be_tried_later_says_when() {
        let response = Problem::from(Error::RateLimited { retry_after: 7 }).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.content_type(), Some("application/problem+json"));
    }
}
