//! `latest`: noted from every request that carries it and the credentials, whatever becomes of the
//! request; the answer waits until every replica shows it.

use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result, http::Method};

use super::{auth::is_authorized, failure};
use crate::{
    service::{PendingWrite, Service},
    telemetry::request::loggable_id,
};

/// The middleware around all operations.
pub(super) struct RecordLatest;

impl<E: Endpoint> Middleware<E> for RecordLatest {
    type Output = RecordLatestEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        RecordLatestEndpoint { inner }
    }
}

pub(super) struct RecordLatestEndpoint<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for RecordLatestEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let Some(noted) = note(&request) else {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        };
        let (answer, written) = tokio::join!(self.inner.call(request), noted.written());
        match written {
            Ok(()) => answer.map(IntoResponse::into_response),
            // The operation's answer would promise a value that the replicas do not show.
            Err(error) => {
                let carried_out = answer.is_ok_and(|answer| answer.into_response().is_success());
                tracing::warn!(request_id = loggable_id(), carried_out, "latest was not written");
                Ok(failure::Answer::from(error).into_response())
            }
        }
    }
}

fn note(request: &Request) -> Option<PendingWrite> {
    // HEAD is served as GET is.
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if (reads && request.uri().path() == "/latest") || !is_authorized(request) {
        return None;
    }
    // Of several the first counts, as for the operation, which also refuses a malformed value with
    // the field's name.
    let query: Vec<(String, String)> = request.params().ok()?;
    let (_, value) = query.into_iter().find(|(name, _)| name == "latest")?;
    let latest = value.parse().ok().filter(|latest: &i64| *latest >= 0)?;
    Some(request.data::<Service>()?.record_latest(latest))
}
