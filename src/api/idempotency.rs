//! The hash of a request, to which the client's idempotency key is bound.

use poem::{FromRequest, Request, RequestBody, Result};

use crate::domain::RequestHash;

pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The hash of a request with an idempotency key; `None` without one.
///
/// The argument before the body, which it reads and puts back. The body is hashed as sent: a client
/// that repeats a request sends the same bytes.
pub(super) struct KeyedHash(pub(super) Option<RequestHash>);

impl<'a> FromRequest<'a> for KeyedHash {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        if !request.headers().contains_key(IDEMPOTENCY_KEY) {
            return Ok(Self(None));
        }
        let bytes = body.take()?.into_bytes().await?;
        let hash = RequestHash::of(request.method().as_str(), request.uri().path(), &bytes);
        *body = RequestBody::new(bytes.into());
        Ok(Self(Some(hash)))
    }
}
