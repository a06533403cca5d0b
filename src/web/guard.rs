//! The guard of every route that changes state: requests that another site sent do not pass.

use poem::{Endpoint, Middleware, Request, Result};

use super::failure::Failure;
use crate::surface::{client::Client, cross_site::refuse_cross_site};

/// The middleware; it fails with the page of status 403.
pub(super) struct SameSiteOnly;

impl<E: Endpoint> Middleware<E> for SameSiteOnly {
    type Output = Guarded<E>;

    fn transform(&self, inner: E) -> Guarded<E> {
        Guarded(inner)
    }
}

pub(super) struct Guarded<E>(E);

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> Result<E::Output> {
        let client = request.data::<Client>().ok_or(Failure::Misassembled)?;
        refuse_cross_site(request.headers(), client).map_err(Failure::from)?;
        self.0.call(request).await
    }
}
