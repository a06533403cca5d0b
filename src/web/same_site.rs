//! Guards every route that changes state against requests that the viewer did not intend.

use std::sync::Arc;

use poem::{Endpoint, Request, Result, http::Method};

use super::failure::Failure;
use crate::http::{
    client::Client,
    cross_site::{is_from_own_page, refuse_cross_site},
};

/// Rejects cross-site requests and followed links with 403.
///
/// A message can contain a link to `/alice/follow`, so a GET request from one of our own pages is
/// rejected. The pages themselves use POST forms. GET from the address bar and from clients that are
/// not browsers stays allowed, as clients of the original MiniTwit rely on it.
pub(super) async fn same_site_only<E: Endpoint>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<E::Output> {
    let client = request.data::<Client>().ok_or(Failure::MissingState)?;
    refuse_cross_site(request.headers(), client).map_err(Failure::from)?;
    if request.method() != Method::POST && is_from_own_page(request.headers()) {
        return Err(Failure::FollowedLink.into());
    }
    endpoint.call(request).await
}
