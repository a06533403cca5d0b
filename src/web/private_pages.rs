//! Keeps pages of a signed-in user out of the caches of browsers that run no scripts.
//!
//! After signing out, Back must not show such a page. Where scripts run, `static/session.js` hides it,
//! so the page can stay in the back/forward cache. The script announces itself by a cookie.

use std::sync::Arc;

use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderMap, header},
};

use super::respond::{NO_STORE, PAGE_CACHE_CONTROL};
use crate::http::cookies::{mentions_session, values};

/// The cookie of a browser that runs the scripts.
const SCRIPTS: &str = "scripts";

/// Forbids a browser without scripts to store the pages of a request with a session.
pub(super) async fn keep_private<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let unguarded = is_unguarded(request.headers());
    let mut response = endpoint.call(request).await?.into_response();
    let cache_control = response.headers().get(header::CACHE_CONTROL);
    if unguarded && cache_control == Some(&PAGE_CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    }
    Ok(response)
}

/// Whether no script can hide the response after signing out.
fn is_unguarded(headers: &HeaderMap) -> bool {
    mentions_session(headers) && values(headers, SCRIPTS).next().is_none()
}
