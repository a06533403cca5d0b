//! Answers to a browser: a page, or the way to another one.

use std::sync::Arc;

use poem::{
    FromRequest, Request, RequestBody, Response, Result,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    web::{
        cookie::CookieJar,
        headers::{ETag, HeaderMapExt, IfNoneMatch},
    },
};
use sha2::{Digest, Sha256};

use super::{
    failure::Failure,
    flash::{self, Flash},
    pages::{Feed, Frame, Site},
    public_page::PublicPage,
    templates::{Page, Templates},
};
use crate::{domain::User, http::client::Client, service::Service};

/// What a page is.
pub(super) const HTML: &str = "text/html; charset=utf-8";
/// What a feed is (RFC 4287, section 7).
const ATOM: &str = "application/atom+xml; charset=utf-8";
/// Feeds are the same for everybody, and never older than the request.
const FEED_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("no-cache");
/// Pages differ by who is signed in, and are never older than the request.
pub(super) const PAGE_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What a handler answers with.
pub(super) struct Responder {
    templates: Arc<Templates>,
    pub(super) jar: CookieJar,
    pub(super) client: Client,
}

impl<'a> FromRequest<'a> for Responder {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let templates = request.data::<Arc<Templates>>().ok_or(Failure::Misassembled)?;
        let client = request.data::<Client>().ok_or(Failure::Misassembled)?;
        Ok(Self {
            templates: Arc::clone(templates),
            jar: request.cookie().clone(),
            client: client.clone(),
        })
    }
}

impl Responder {
    /// What stands around a page's content: the viewer's name, and the notices that wait for it.
    pub(super) fn frame(&self, viewer: Option<&User>) -> Frame {
        Frame {
            viewer: viewer.map(|viewer| viewer.username.to_string()),
            flashes: flash::take(&self.jar, &self.client),
        }
    }

    /// The page that is the same for everybody who is signed out and whom no notice waits for.
    pub(super) async fn public_page(
        &self,
        page: &PublicPage,
        service: &Service,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        page.respond(service, &self.templates, headers).await
    }

    /// Whether a notice waits for the viewer.
    pub(super) fn notices_wait(&self) -> bool {
        flash::wait(&self.jar)
    }

    /// A page, with status 200.
    pub(super) fn page<P: Page>(&self, page: &P) -> Result<Response, Failure> {
        render(&self.templates, StatusCode::OK, page)
    }

    /// A page, with another status.
    pub(super) fn page_with_status<P: Page>(
        &self,
        status: StatusCode,
        page: &P,
    ) -> Result<Response, Failure> {
        render(&self.templates, status, page)
    }

    /// How the client of the request with these headers calls this server.
    pub(super) fn site(&self, headers: &HeaderMap) -> Site {
        Site::new(self.client.origin(headers).unwrap_or_default())
    }

    /// A feed, or that it is the one which the request's headers tell of.
    pub(super) fn feed(&self, feed: &Feed, headers: &HeaderMap) -> Result<Response, Failure> {
        let xml = self.templates.render(feed)?;
        let etag = etag(xml.as_bytes())?;
        // No date tells of a message that was deleted.
        let response = Response::builder()
            .typed_header(etag.clone())
            .header(header::CACHE_CONTROL, FEED_CACHE_CONTROL);
        let known = headers.typed_get::<IfNoneMatch>();
        let known = known.is_some_and(|known| !known.precondition_passes(&etag));
        if known {
            let vary = response.header(header::VARY, header::ACCEPT_ENCODING.as_str());
            return Ok(vary.status(StatusCode::NOT_MODIFIED).finish());
        }
        Ok(response.content_type(ATOM).body(xml))
    }

    /// Sends the browser to `path`, which is percent-encoded, with a notice to show there.
    pub(super) fn redirect_with(&self, path: &str, flash: Flash) -> Response {
        flash::add(&self.jar, &self.client, flash);
        redirect(path)
    }
}

/// What tells one content of a page from another. Weak: the compressed page is the same page.
pub(super) fn etag(content: &[u8]) -> Result<ETag, Failure> {
    let digest = Sha256::digest(content);
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{tag}\"").parse().map_err(|_| Failure::Misassembled)
}

/// A page as a response.
pub(super) fn render<P: Page>(
    templates: &Templates,
    status: StatusCode,
    page: &P,
) -> Result<Response, Failure> {
    let html = templates.render(page)?;
    Ok(Response::builder()
        .status(status)
        .content_type(HTML)
        .header(header::CACHE_CONTROL, PAGE_CACHE_CONTROL)
        .body(html))
}

/// Sends the browser to `path`, which is percent-encoded. Relative, so that it holds behind any
/// proxy; 302, as the original answers.
pub(super) fn redirect(path: &str) -> Response {
    Response::builder().status(StatusCode::FOUND).header(header::LOCATION, path).finish()
}
