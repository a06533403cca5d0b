//! Protects every route that changes state from requests that the viewer did not intend.

use std::sync::Arc;

use poem::{Endpoint, Request, Result, http::Method};

use super::failure::Failure;
use crate::http::{
    client::Client,
    cross_site::{is_from_own_page, reject_cross_site},
};

/// Rejects cross-site requests, and GET requests from the server's own pages, with 403.
///
/// A message can contain a link to `/alice/follow`, so a link on a page must not change state. Pages use
/// POST forms. GET from the address bar and from other programs is allowed, because clients of the
/// original MiniTwit rely on it.
pub(super) async fn same_site_only<E: Endpoint>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<E::Output> {
    let client = request.data::<Client>().ok_or(Failure::MissingState)?;
    reject_cross_site(request.headers(), client).map_err(Failure::from)?;
    if request.method() != Method::POST && is_from_own_page(request.headers()) {
        return Err(Failure::FollowedLink.into());
    }
    endpoint.call(request).await
}
