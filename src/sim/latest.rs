//! `latest`: noted from every request that carries it and the credentials, whatever becomes of the
//! request; the answer waits until every replica shows it.

use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result, http::Method};
use serde::Deserialize;

use super::{auth::is_authorized, failure};
use crate::service::{Noted, Service};

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
            // An answer would promise a value that the replicas do not show.
            Err(error) => Ok(failure::Answer::from(error).into_response()),
        }
    }
}

#[derive(Deserialize)]
struct LatestQuery {
    latest: i64,
}

fn note(request: &Request) -> Option<Noted> {
    let asks_for_it = request.method() == Method::GET && request.uri().path() == "/latest";
    if asks_for_it || !is_authorized(request) {
        return None;
    }
    // A malformed value is refused by the operation itself, with the field's name.
    let LatestQuery { latest } = request.params().ok()?;
    let service = request.data::<Service>()?;
    (latest >= 0).then(|| service.note_latest(latest))
}
