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
use serde_json::Value;

use super::{code::Code, idempotency::IDEMPOTENCY_KEY};
use crate::{
    domain::Scope,
    http::errors::{RETRY_AFTER_SECONDS, internal_error_text},
    service::{Error, ErrorKind},
    telemetry::request::log_failure,
};

const CHALLENGE: &str = "Bearer realm=\"MiniTwit\"";

/// An error response. Boxed, so that a `Result` with it stays small.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    body: ProblemBody,
    retry_after: Option<u64>,
    /// The value of `WWW-Authenticate` (RFC 6750).
    challenge: Option<String>,
}

/// The body of an error response: problem details (RFC 9457).
#[derive(Debug, Clone, Object)]
#[oai(example, rename = "Problem")]
struct ProblemBody {
    /// A URI reference to the explanation of `code`.
    #[oai(rename = "type", validator(max_length = 200))]
    type_uri: String,
    /// The type of problem: one of the [error codes](/docs/errors). Later versions may add codes.
    #[oai(validator(max_length = 100, pattern = "^[a-z]+(-[a-z]+)*$"))]
    code: String,
    /// A summary of the type of problem; the same text for every problem with this code.
    title: String,
    /// The HTTP status of the response.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    status: u16,
    /// The cause of this problem; for an internal error, only the request id.
    detail: String,
    /// All invalid fields and parameters; absent if the problem is not about fields.
    #[oai(skip_serializing_if_is_empty, default)]
    errors: Vec<FieldError>,
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

impl Example for ProblemBody {
    fn example() -> Self {
        Problem::invalid_fields(vec![FieldError::example()]).0.body
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

    pub(super) fn is_about(&self, field: &str) -> bool {
        self.field == field
    }

    #[cfg(test)]
    pub(super) fn rule(&self) -> &str {
        &self.detail
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        let entry = code.entry();
        let retry = code == Code::Unavailable;
        let body = ProblemBody {
            type_uri: entry.uri(),
            code: entry.code.to_owned(),
            title: entry.title.to_owned(),
            status: entry.status,
            detail: entry.detail.to_owned(),
            errors: Vec::new(),
        };
        let retry_after = retry.then_some(RETRY_AFTER_SECONDS);
        Self(Box::new(Parts { body, retry_after, challenge: challenge(code) }))
    }
}

fn challenge(code: Code) -> Option<String> {
    match code {
        Code::TokenRequired | Code::WrongCredentials => Some(CHALLENGE.to_owned()),
        Code::InvalidToken => Some(format!("{CHALLENGE}, error=\"invalid_token\"")),
        _ => None,
    }
}

impl Problem {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Self::from(code);
        problem.0.body.detail = detail.into();
        problem
    }

    /// 422, with all invalid fields.
    pub(super) fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = match &errors[..] {
            [one] => format!("{}: {}", one.field, one.detail),
            _ => "Several fields are invalid".to_owned(),
        };
        let mut problem = Self::new(Code::InvalidFields, detail);
        problem.0.body.errors = errors;
        problem
    }

    /// 404, for a name that no user can have.
    pub(super) fn no_such_user(name: &str) -> Self {
        Self::new(Code::UnknownUser, format!("There is no user named {name}"))
    }

    /// 403, for a token that lacks the scopes `missing` of those that the request requires.
    pub(super) fn insufficient_scope(required: &[Scope], missing: &[Scope]) -> Self {
        let names = |scopes: &[Scope], separator| {
            scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(separator)
        };
        let scope = names(required, " ");
        let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{scope}\"");
        let noun = if missing.len() == 1 { "scope" } else { "scopes" };
        let detail = format!("The bearer token lacks the {noun} {}", names(missing, " and "));
        let mut problem = Self::new(Code::InsufficientScope, detail);
        problem.0.challenge = Some(challenge);
        problem
    }

    /// 500. The caller has logged the cause.
    pub(super) fn internal() -> Self {
        Self::new(Code::InternalError, internal_error_text())
    }

    pub(super) fn about_field(mut self, field: &str) -> Self {
        let body = &mut self.0.body;
        body.errors = vec![FieldError::new(field, &body.detail)];
        self
    }

    pub(super) fn code(&self) -> &str {
        &self.0.body.code
    }

    pub(super) fn title(&self) -> &str {
        &self.0.body.title
    }

    /// The body, in JSON.
    pub(super) fn to_json(&self) -> Value {
        self.0.body.to_json().unwrap_or_default()
    }

    pub(super) fn into_error(self) -> poem::Error {
        poem::Error::from_response(self.into_response())
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let code = match error {
            Error::UsernameTaken => return Self::from(Code::UsernameTaken).about_field("username"),
            // One code for both, because the difference would reveal which names exist.
            Error::WrongUsername | Error::WrongPassword => return Code::WrongCredentials.into(),
            Error::IdempotencyKeyReused => {
                return Self::from(Code::IdempotencyKeyReused).about_field(IDEMPOTENCY_KEY);
            }
            Error::UnknownParent => {
                let rule = "must be the id of a message that exists";
                return Self::invalid_fields(vec![FieldError::new("in_reply_to", rule)]);
            }
            Error::Disabled => Code::AccountDisabled,
            Error::UnknownUser(_) => Code::UnknownUser,
            Error::UnknownMessage => Code::UnknownMessage,
            Error::UnknownToken => Code::UnknownToken,
            Error::NotYours => Code::NotYours,
            Error::Invalid(_) => Code::InvalidFields,
            Error::RateLimited { retry_after } => {
                let mut problem = Self::new(Code::RateLimited, text);
                problem.0.retry_after = Some(retry_after);
                return problem;
            }
            _ => return Self::of_server(&error),
        };
        Self::new(code, text)
    }
}

impl Problem {
    /// The problem of an error that the client has not caused. Logs the error, unless a bound caused it.
    fn of_server(error: &Error) -> Self {
        if error.kind() != ErrorKind::Busy {
            log_failure(error);
        }
        match error.kind() {
            ErrorKind::Busy | ErrorKind::Unavailable => Code::Unavailable.into(),
            _ => Self::internal(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let Parts { body, retry_after, challenge } = *self.0;
        let mut response = Response::builder()
            .status(status)
            .content_type(ProblemJson::CONTENT_TYPE)
            .body(body.to_json_string());
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        // The challenge has no characters that a header forbids.
        if let Some(challenge) = challenge.and_then(|it| HeaderValue::try_from(it).ok()) {
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
        ProblemBody::schema_ref()
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_names_a_single_invalid_field() {
        let one = FieldError::new("email", "is wrong");
        let problem = Problem::invalid_fields(vec![one.clone()]).0.body;
        assert_eq!((problem.status, problem.detail.as_str()), (422, "email: is wrong"));
        let two = Problem::invalid_fields(vec![one.clone(), one]).0.body;
        assert_eq!((two.errors.len(), two.detail.as_str()), (2, "Several fields are invalid"));
    }

    #[test]
    fn the_detail_names_the_missing_scopes() {
        use Scope::{Account, Write};
        let detail = |missing: &[Scope]| {
            Problem::insufficient_scope(&[Write, Account], missing).0.body.detail
        };
        assert_eq!(detail(&[Account]), "The bearer token lacks the scope account");
        let both = "The bearer token lacks the scopes write and account";
        assert_eq!(detail(&[Write, Account]), both);
    }

    #[tokio::test]
    async fn a_429_response_has_a_retry_after_header() {
        let response = Problem::from(Error::RateLimited { retry_after: 7 }).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.content_type(), Some("application/problem+json"));
    }
}
