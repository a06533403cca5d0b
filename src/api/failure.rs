//! The failures of an operation, and how the OpenAPI document lists them.

use std::marker::PhantomData;

use poem_openapi::{
    ApiResponse,
    payload::Payload,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::Type,
};

use super::problem::{Problem, ProblemJson};

/// The error statuses that an operation documents. 500 and 503 apply to every operation.
pub(super) trait Statuses: Send + Sync + 'static {
    /// The statuses, in ascending order.
    const STATUSES: &'static [u16];
}

/// Declares types that implement [`Statuses`].
macro_rules! statuses {
    ($($name:ident = $statuses:expr;)*) => {
        $(pub(super) struct $name;

        impl $crate::api::failure::Statuses for $name {
            const STATUSES: &'static [u16] = &$statuses;
        })*
    };
}

pub(super) use statuses;

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
        let statuses = S::STATUSES.iter().chain(&[500, 503]);
        MetaResponses { responses: statuses.map(|status| documented_response(*status)).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemJson::register(registry);
    }
}

fn documented_response(status: u16) -> MetaResponse {
    let header = |name: &str, description: &str, schema: MetaSchemaRef| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema,
    };
    let headers = match status {
        401 => {
            let description = "The authentication scheme: `Bearer`.";
            vec![header("WWW-Authenticate", description, String::schema_ref())]
        }
        429 | 503 => {
            let description = "Seconds to wait before a retry.";
            vec![header("Retry-After", description, u32::schema_ref())]
        }
        _ => Vec::new(),
    };
    let content_type = ProblemJson::CONTENT_TYPE;
    MetaResponse {
        description: description(status),
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type, schema: ProblemJson::schema_ref() }],
        headers,
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
