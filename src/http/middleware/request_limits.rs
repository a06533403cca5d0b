//! What a request may take of the server: the size and the time of its body.

use std::{io, pin::pin, time::Duration};

use futures_util::TryStreamExt;
use poem::{
    Body, Endpoint, Middleware, Request, Result,
    error::ResponseError,
    http::{StatusCode, header::CONTENT_LENGTH},
};

/// A middleware that reads a request's body before anything works on the request, and hands it on
/// as bytes. All bodies of this program are small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The longest that a body may take to arrive in full.
    pub body_timeout: Duration,
}

/// Why a body was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BodyRefused {
    /// It is larger than [`RequestLimits::body`].
    #[error("The request's body is too large")]
    TooLarge,
    /// It did not arrive within [`RequestLimits::body_timeout`].
    #[error("The request's body did not arrive in time")]
    TooSlow,
    /// It ended early, or its chunks are malformed.
    #[error("The request's body could not be read")]
    Unreadable(#[source] io::Error),
}

impl ResponseError for BodyRefused {
    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl RequestLimits {
    /// Replaces the body of `request` by its bytes.
    async fn read_body(&self, request: &mut Request) -> Result<(), BodyRefused> {
        let body = request.take_body();
        if body.is_empty() {
            return Ok(());
        }
        // The HTTP layer has checked that the header, if there is one, is a number.
        let length = request.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        if length.and_then(|it| it.parse().ok()).is_some_and(|it: u64| it > self.body as u64) {
            return Err(BodyRefused::TooLarge);
        }
        let bytes = tokio::time::timeout(self.body_timeout, collect(body, self.body))
            .await
            .map_err(|_| BodyRefused::TooSlow)??;
        request.set_body(bytes);
        Ok(())
    }
}

/// The bytes of `body`, at most `longest` of them.
async fn collect(body: Body, longest: usize) -> Result<Vec<u8>, BodyRefused> {
    let mut chunks = pin!(body.into_bytes_stream());
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.try_next().await.map_err(BodyRefused::Unreadable)? {
        if chunk.len() > longest - bytes.len() {
            return Err(BodyRefused::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl<E: Endpoint> Middleware<E> for RequestLimits {
    type Output = RequestLimitsEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        RequestLimitsEndpoint { inner, limits: *self }
    }
}

/// The endpoint of [`RequestLimits`]; it fails with [`BodyRefused`].
pub struct RequestLimitsEndpoint<E> {
    inner: E,
    limits: RequestLimits,
}

impl<E: Endpoint> Endpoint for RequestLimitsEndpoint<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> Result<Self::Output> {
        self.limits.read_body(&mut request).await?;
        self.inner.call(request).await
    }
}
