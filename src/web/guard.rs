//! The guard of every route that changes state: requests that another site sent do not pass, nor do
//! links of this site, which are in users' messages.

use poem::{Endpoint, Middleware, Request, Result, http::Method};

use super::failure::Failure;
use crate::http::{
    client::Client,
    cross_site::{is_from_own_page, refuse_cross_site},
};

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
        // The pages have forms for what they change. Whoever types the address, or is no browser as the
        // clients of the original, says nothing of a page.
        if request.method() != Method::POST && is_from_own_page(request.headers()) {
            return Err(Failure::ByLink.into());
        }
        self.0.call(request).await
    }
}
