//! How the API fails: which problems an operation documents, and that every error becomes one.

use std::{marker::PhantomData, sync::Arc};

use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    error::{ParseParamError, ParsePathError, ParseRequestPayloadError},
    payload::Payload,
    registry::{MetaResponses, Registry},
};

use super::{
    document::ROUTES,
    problem::{FieldProblem, Problem, ProblemJson},
};
use crate::http::{
    errors::{add_allow, call_and_render, log_internal},
    openapi::{Statuses, error_responses},
};

/// A problem as the failure of an operation whose statuses are `S`.
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
        error_responses::<ProblemJson>(S::STATUSES, meaning)
    }

    fn register(registry: &mut Registry) {
        ProblemJson::register(registry);
    }
}

/// What a status means, whichever operation answers it.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The body is not JSON.",
        401 => "The token, or the name and password, are missing or not good.",
        403 => "This is not the caller's to do.",
        404 => "There is no such thing.",
        408 => "The body took too long to arrive.",
        409 => "It clashes with what is there.",
        413 => "The body is too large.",
        415 => "The body is not called JSON.",
        422 => "Fields or parameters break a rule; all that do are named.",
        429 => "It was tried too often of late.",
        503 => "The server, or its database, has no time now.",
        _ => "The server failed. Its log has the cause, under the request's identity.",
    }
}

/// Around the whole API: turns every error into its problem. No answer is for a cache, since what is
/// private might be in it.
pub(super) async fn render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let mut response = call_and_render(endpoint, request, async |error| to_response(error)).await;
    add_allow(&mut response, &ROUTES);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn to_response(error: poem::Error) -> Response {
    if error.is_from_response() { error.into_response() } else { describe(&error).into_response() }
}

/// The problem that an error of the libraries is.
fn describe(error: &poem::Error) -> Problem {
    if let Some(ParseParamError { name, .. }) = error.downcast_ref() {
        return Problem::invalid(vec![FieldProblem::new(name, "is malformed")]);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        // The library quotes a value of the wrong type, which might be a password.
        return if reason.starts_with("Expected input type") {
            Problem::invalid(vec![FieldProblem::new("body", "must be a JSON object")])
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "The body must be well-formed JSON")
        };
    }
    if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
        return Problem::new(StatusCode::NOT_FOUND, "There is nothing here");
    }
    match error.status() {
        StatusCode::NOT_FOUND => Problem::new(StatusCode::NOT_FOUND, "There is nothing here"),
        status if status.is_client_error() => Problem::new(status, error.to_string()),
        _ => {
            log_internal(error);
            Problem::internal()
        }
    }
}
