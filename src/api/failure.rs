//! The error type of operations, and its description in the OpenAPI document.

use std::marker::PhantomData;

use poem_openapi::{
    ApiResponse,
    payload::Payload,
    registry::{MetaHeader, MetaResponses, Registry},
    types::Type,
};

use super::{
    code::{ALWAYS, Code},
    problem::{FieldError, Problem, ProblemJson},
};
use crate::http::openapi::{DocumentedError, error_responses};

/// The problems that an operation can cause.
pub(super) trait Failures: Send + Sync + 'static {
    /// An example of each problem.
    fn problems() -> Vec<Problem>;
}

/// Declares types that implement [`Failures`].
///
/// Each has groups of codes, further codes, and an example of an invalid field with the rule that
/// it violates. A code may name the field that the problem is about.
macro_rules! failures {
    ($(
        $name:ident = $($group:ident)|+,
            [$($code:ident $(($about:literal))?),*]
            $(, $field:literal: $rule:literal)?;
    )*) => {
        $(struct $name;

        impl $crate::api::failure::Failures for $name {
            fn problems() -> Vec<$crate::api::problem::Problem> {
                $crate::api::failure::problems(
                    &[$($crate::api::code::$group),+],
                    &[$(($crate::api::code::Code::$code, &[$($about)?])),*],
                    &[$(($field, $rule))?],
                )
            }
        })*
    };
}

pub(super) use failures;

/// The problems of groups of codes, of single codes with the fields that they are about, and of
/// invalid fields with their rules.
pub(super) fn problems(
    groups: &[&[Code]],
    codes: &[(Code, &[&str])],
    invalid: &[(&str, &str)],
) -> Vec<Problem> {
    let grouped = groups.concat().into_iter().chain(ALWAYS.iter().copied()).map(Problem::from);
    let single = codes.iter().map(|(code, about)| {
        about.iter().fold(Problem::from(*code), |problem, field| problem.about_field(field))
    });
    let invalid = invalid.iter().map(|(field, rule)| FieldError::new(field, rule));
    let invalid = invalid.map(|error| Problem::invalid_fields(vec![error]));
    grouped.chain(single).chain(invalid).collect()
}

/// The error type of an operation that documents the problems `F`.
pub(super) struct Failure<F>(Problem, PhantomData<F>);

impl<F, P: Into<Problem>> From<P> for Failure<F> {
    fn from(problem: P) -> Self {
        Self(problem.into(), PhantomData)
    }
}

impl<F> From<Failure<F>> for poem::Error {
    fn from(failure: Failure<F>) -> Self {
        failure.0.into_error()
    }
}

impl<F: Failures> ApiResponse for Failure<F> {
    fn meta() -> MetaResponses {
        let errors = F::problems().into_iter().map(|problem| DocumentedError {
            status: problem.status().as_u16(),
            name: problem.code().to_owned(),
            summary: problem.title().to_owned(),
            body: problem.to_json(),
        });
        let mut responses = error_responses::<ProblemJson>(errors.collect(), description);
        let forbidden = responses.responses.iter_mut().find(|it| it.status == Some(403));
        forbidden.into_iter().for_each(|response| response.headers.push(insufficient_scope()));
        responses
    }

    fn register(registry: &mut Registry) {
        ProblemJson::register(registry);
    }
}

fn insufficient_scope() -> MetaHeader {
    let description = "Present if the token lacks a scope: \
        `Bearer realm=\"MiniTwit\", error=\"insufficient_scope\"`, and in `scope` the required scopes.";
    MetaHeader {
        name: "WWW-Authenticate".to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: String::schema_ref(),
    }
}

fn description(status: u16) -> &'static str {
    match status {
        400 => "The body is not well-formed JSON.",
        401 => "The bearer token, or the username and password, are missing or invalid.",
        403 => "The caller is not permitted to do this.",
        404 => "The resource does not exist.",
        408 => "The body did not arrive in time.",
        409 => "The request conflicts with existing data.",
        413 => "The body is too large.",
        415 => "Unsupported `Content-Type`; send `application/json`.",
        422 => "One or more fields or parameters are invalid; `errors` lists all of them.",
        429 => "The rate limit is exceeded; retry after the time in `Retry-After`.",
        503 => {
            "The server or its database is overloaded or unavailable; retry after the time in `Retry-After`."
        }
        _ => {
            "The server failed. `detail` contains the request id, under which the server logs the cause."
        }
    }
}
