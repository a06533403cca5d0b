//! Records `latest` from each authenticated request that has it, even if the operation fails.
//!
//! The response waits until the value is committed, so that every replica returns it.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Request, Response, Result, http::Method};

use super::{auth::authenticate, error::ErrorResponse, params::CommandNumber};
use crate::service::{PendingWrite, Service};

/// Calls `endpoint`, and records the request's `latest` concurrently.
pub(super) async fn record_latest<E: Endpoint>(
    endpoint: Arc<E>,
    mut request: Request,
) -> Result<Response> {
    let authenticated = authenticate(&mut request);
    let Some(pending) = authenticated.then(|| begin_write(&request)).flatten() else {
        return endpoint.call(request).await.map(IntoResponse::into_response);
    };
    let (result, written) = tokio::join!(endpoint.call(request), pending.written());
    match written {
        Ok(()) => result.map(IntoResponse::into_response),
        // Sends the error: a success would imply that the replicas return the new value.
        Err(error) => {
            let succeeded = result.is_ok_and(|response| response.into_response().is_success());
            tracing::warn!(succeeded, "cannot record latest; the command's result is not sent");
            Ok(ErrorResponse::from(error).into_response())
        }
    }
}

fn begin_write(request: &Request) -> Option<PendingWrite> {
    // HEAD is served like GET.
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if reads && request.uri().path() == "/latest" {
        return None;
    }
    // The first of several values counts, as in the operation, which also rejects a malformed value.
    let query: Vec<(String, String)> = request.params().ok()?;
    let (_, value) = query.into_iter().find(|(name, _)| name == "latest")?;
    let CommandNumber(latest) = CommandNumber::parse(&value)?;
    Some(request.data::<Service>()?.record_latest(latest))
}
