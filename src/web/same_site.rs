//! Protects every route that changes state from requests that the viewer did not intend.

use std::sync::Arc;

use poem::{Endpoint, FromRequest, IntoResponse, Request, Response, Result, http::header};

use super::{
    extract::{path::PathName, session::Viewer},
    failure::Failure,
    pages::{ConfirmPage, Confirmation},
    refused_origin,
    respond::{NO_STORE, Responder},
};
use crate::http::{
    client::Client,
    cross_site::{is_from_own_page, lacks_proof, reject_cross_site},
};

/// Rejects cross-site requests with 403. For POST.
pub(super) async fn same_site_only<E: Endpoint>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<E::Output> {
    require_same_site(&request)?;
    endpoint.call(request).await
}

/// Rejects cross-site requests, and requests from the server's own pages, with 403. A browser that
/// proves nothing gets a page that asks for confirmation. For GET.
///
/// A message can contain a link to `/alice/follow`, so a link on a page must not change state. Pages use
/// POST forms. GET from the address bar and from other programs is allowed, because clients of the
/// original MiniTwit rely on it. Over plain HTTP, browsers send no `Sec-Fetch-Site` and with a
/// navigation no `Origin`, and another site can suppress `Referer`.
pub(super) async fn confirmed_only<E: Endpoint<Output: IntoResponse>>(
    what: Confirmation,
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    require_same_site(&request)?;
    if is_from_own_page(request.headers()) {
        return Err(Failure::FollowedLink.into());
    }
    if lacks_proof(request.headers())
        && let Viewer(Some(viewer)) = Viewer::from_request_without_body(&request).await?
    {
        let responder = Responder::from_request_without_body(&request).await?;
        let name = PathName::from_request_without_body(&request).await.ok();
        let name = name.map(|PathName(name)| name.to_string());
        let path = request.uri().path().to_owned();
        let page = ConfirmPage::new(responder.frame(Some(&viewer)), what, name, path);
        let mut response = responder.page(&page)?;
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
        return Ok(response);
    }
    endpoint.call(request).await.map(IntoResponse::into_response)
}

fn require_same_site(request: &Request) -> Result<(), Failure> {
    let client = request.data::<Client>().ok_or(Failure::MissingState)?;
    reject_cross_site(request.headers(), client).map_err(|refused| {
        refused_origin::log(refused, request, client);
        refused.into()
    })
}
