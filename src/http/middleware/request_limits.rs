//! Checks a request's head, and bounds the size of its body and the time in which it arrives.

use std::{io, time::Duration};

use poem::{
    Request, Result,
    error::{ReadBodyError, ResponseError},
    http::{StatusCode, header::CONTENT_LENGTH},
};

use super::request_head;

/// The limits of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The largest body, in bytes.
    pub body: usize,
    /// Time-out of the whole body.
    pub body_timeout: Duration,
}

/// The body was rejected.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than [`RequestLimits::body`].
    #[error("The request's body is too large")]
    TooLarge,
    /// It did not arrive within [`RequestLimits::body_timeout`].
    #[error("The request's body did not arrive in time")]
    Timeout,
    /// It ended early, or its chunks are malformed.
    #[error("The request's body could not be read")]
    Unreadable(#[source] io::Error),
}

impl ResponseError for BodyError {
    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<ReadBodyError> for BodyError {
    fn from(error: ReadBodyError) -> Self {
        match error {
            ReadBodyError::PayloadTooLarge => Self::TooLarge,
            ReadBodyError::Io(error) => Self::Unreadable(error),
            other => Self::Unreadable(io::Error::other(other)),
        }
    }
}

impl RequestLimits {
    /// Checks the head of `request` and reads its body before any handler does. All bodies are small.
    ///
    /// Returns a [`HeadError`](request_head::HeadError) if the head is not acceptable, and a [`BodyError`]
    /// if the body exceeds a limit or is malformed.
    pub async fn read_body(self, mut request: Request) -> Result<Request> {
        request_head::check(&request)?;
        let body = request.take_body();
        if body.is_empty() {
            return Ok(request);
        }
        // The HTTP layer has checked that the header, if present, is a number.
        let length = request.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        if length.and_then(|it| it.parse().ok()).is_some_and(|it: u64| it > self.body as u64) {
            return Err(BodyError::TooLarge.into());
        }
        let bytes = tokio::time::timeout(self.body_timeout, body.into_bytes_limit(self.body))
            .await
            .map_err(|_| BodyError::Timeout)?
            .map_err(BodyError::from)?;
        request.set_body(bytes);
        Ok(request)
    }
}
