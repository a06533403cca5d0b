//! The error type of operations, and its description in the OpenAPI document.

use std::marker::PhantomData;

use poem_openapi::{
    ApiResponse,
    payload::Payload,
    registry::{MetaResponses, Registry},
};

use super::problem::{Problem, ProblemJson};
use crate::http::openapi::{Statuses, error_responses};

/// The error type of an operation that documents the statuses `S`.
pub(super) struct Failure<S>(Problem, PhantomData<S>);

impl<S, P: Into<Problem>> From<P> for Failure<S> {
    fn from(problem: P) -> Self {
        Self(problem.into(), PhantomData)
    }
}

impl<S> From<Failure<S>> for poem::Error {
    fn from(failure: Failure<S>) -> Self {
        failure.0.into_error()
    }
}

impl<S: Statuses> ApiResponse for Failure<S> {
    fn meta() -> MetaResponses {
        error_responses::<ProblemJson>(S::STATUSES, description)
    }

    fn register(registry: &mut Registry) {
        ProblemJson::register(registry);
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
