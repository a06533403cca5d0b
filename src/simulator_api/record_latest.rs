//! Records `latest` from each authenticated request that has it, even if the operation fails. HEAD is
//! excluded.
//!
//! The response waits until the value is committed, so that every replica returns it.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Request, Response, Result, http::Method};

use super::{auth::is_authenticated, error::ErrorResponse, params::CommandNumber};
use crate::{
    service::{PendingWrite, Service},
    telemetry::request::with_causes,
};

/// Calls `endpoint`, and records the request's `latest` concurrently.
pub(super) async fn record_latest<E: Endpoint>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let authenticated = is_authenticated(&request);
    let Some(pending) = authenticated.then(|| begin_write(&request)).flatten() else {
        return endpoint.call(request).await.map(IntoResponse::into_response);
    };
    let (result, written) = tokio::join!(endpoint.call(request), pending.written());
    let result = result.map(IntoResponse::into_response);
    let Err(error) = written else { return result };
    let status = result.as_ref().map_or_else(poem::Error::status, Response::status);
    if status.is_server_error() {
        // The operation has logged the failure, which probably has the same cause.
        return result;
    }
    // Sends the error: a success would imply that the replicas return the new value.
    tracing::error!(
        cause = with_causes(&error),
        command_status = status.as_u16(),
        "request failed"
    );
    Ok(ErrorResponse::of(&error).into_response())
}

fn begin_write(request: &Request) -> Option<PendingWrite> {
    // HEAD changes nothing.
    let reads_it = request.method() == Method::GET && request.uri().path() == "/latest";
    if reads_it || request.method() == Method::HEAD {
        return None;
    }
    // The first of several values counts, as in the operation, which also rejects a malformed value.
    let query: Vec<(String, String)> = request.params().ok()?;
    let (_, value) = query.into_iter().find(|(name, _)| name == "latest")?;
    let CommandNumber(latest) = CommandNumber::parse(&value)?;
    Some(request.data::<Service>()?.record_latest(latest))
}
