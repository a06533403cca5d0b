//! Responses to a browser: a page, a feed, or a redirect.

use std::sync::Arc;

use poem::{
    Endpoint, FromRequest, IntoResponse, Request, RequestBody, Response, Result,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};

use super::{
    cookies::Cookies,
    failure::Failure,
    flash::{self, Flash},
    pages::{Feed, Frame, Site},
    templates::{Page, Templates},
};
use crate::{
    domain::{BrowserToken, SessionToken, User},
    http::{
        client::Client,
        methods::IsHead,
        validators::{etag, is_unchanged},
    },
    service::SignInClient,
};

pub(super) const HTML: &str = "text/html; charset=utf-8";
/// The media type of a feed (RFC 4287, section 7).
pub(super) const ATOM: &str = "application/atom+xml; charset=utf-8";
/// A feed is the same for every client. Caches must revalidate it on each request.
const FEED_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("no-cache");
/// A page depends on the viewer. Browsers must revalidate it on each request.
pub(super) const PAGE_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A page with a secret, or one that depends on more than the viewer. Browsers must not keep it.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The parts of a request that responses depend on.
pub(super) struct Responder {
    pub(super) templates: Arc<Templates>,
    pub(super) cookies: Cookies,
    pub(super) client: Client,
    flash: Option<String>,
    is_head: bool,
}

impl<'a> FromRequest<'a> for Responder {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let templates = request.data::<Arc<Templates>>().ok_or(Failure::MissingState)?;
        let client = request.data::<Client>().ok_or(Failure::MissingState)?;
        let cookies = Cookies::of(request).await?;
        Ok(Self {
            templates: Arc::clone(templates),
            client: client.clone(),
            flash: cookies.sent(request, flash::COOKIE),
            is_head: request.data::<IsHead>().is_some(),
            cookies,
        })
    }
}

impl Responder {
    /// The frame of a page; takes the pending flash messages, unless the page is not sent.
    pub(super) fn frame(&self, viewer: Option<&User>) -> Frame {
        let sent = self.flash.as_deref().filter(|_| !self.is_head);
        let flashes = flash::take(&self.cookies, sent);
        Frame {
            viewer: viewer.map(|viewer| viewer.username.to_string()),
            saved: flashes.iter().any(Flash::is_saved_text),
            warnings: flashes.iter().filter_map(Flash::warning).map(str::to_owned).collect(),
            flashes: flashes.iter().filter_map(Flash::text).collect(),
            session: viewer.map(|_| self.cookies.session_mark()),
        }
    }

    pub(super) fn has_flash(&self) -> bool {
        self.flash.is_some()
    }

    pub(super) fn page<P: Page>(&self, page: &P) -> Result<Response, Failure> {
        render(&self.templates, StatusCode::OK, page)
    }

    pub(super) fn page_with_status<P: Page>(
        &self,
        status: StatusCode,
        page: &P,
    ) -> Result<Response, Failure> {
        render(&self.templates, status, page)
    }

    /// The origin in the client's URL of this request.
    pub(super) fn site(&self, headers: &HeaderMap) -> Site {
        Site::new(self.client.origin(headers).unwrap_or_default())
    }

    /// The feed, or 304 if the client has it already.
    ///
    /// There is no `Last-Modified`, because the deletion of a message changes no date.
    pub(super) fn feed(&self, feed: &Feed, headers: &HeaderMap) -> Result<Response, Failure> {
        let xml = self.templates.render(feed)?;
        let etag = etag(xml.as_bytes());
        let unchanged = is_unchanged(headers, &etag);
        let response = Response::builder()
            .typed_header(etag)
            .header(header::CACHE_CONTROL, FEED_CACHE_CONTROL);
        if unchanged {
            let vary = response.header(header::VARY, header::ACCEPT_ENCODING.as_str());
            return Ok(vary.status(StatusCode::NOT_MODIFIED).finish());
        }
        Ok(response.content_type(ATOM).body(xml))
    }

    /// The client, as a sign-in sees it. A browser without a token gets a new one.
    pub(super) fn sign_in_client(&self) -> SignInClient {
        let browser = self.cookies.browser_token();
        let browser = browser.unwrap_or_else(|| BrowserToken::new(rand::random()));
        SignInClient { address: self.client.address, browser: Some(browser) }
    }

    /// Gives the browser its new session, and the token by which a later sign-in recognizes it.
    pub(super) fn signed_in(&self, session: &SessionToken, client: &SignInClient) {
        self.cookies.set_session(session);
        if let Some(browser) = &client.browser {
            self.cookies.set_browser(browser);
        }
    }

    /// The response that ends the viewer's session, so that Back shows nothing private.
    ///
    /// Over plain HTTP browsers ignore `Clear-Site-Data`; a script checks the session's mark. Without
    /// scripts, browsers do not store the pages (`private_pages`).
    pub(super) fn signed_out(&self, flash: Flash) -> Response {
        self.cookies.clear_session();
        let mut response = self.redirect_with("/public", flash);
        response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
        response
    }

    pub(super) fn redirect_with(&self, path: &str, flash: Flash) -> Response {
        self.redirect_with_all(path, [flash])
    }

    pub(super) fn redirect_with_all(
        &self,
        path: &str,
        flashes: impl IntoIterator<Item = Flash>,
    ) -> Response {
        flash::add(&self.cookies, self.flash.as_deref(), flashes);
        redirect(path)
    }

    /// The name of a user who has just signed up in this browser.
    pub(super) fn new_user(&self) -> Option<String> {
        flash::new_user(self.flash.as_deref())
    }
}

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

/// Redirects to `path`, which is percent-encoded.
///
/// The location is relative, so it works behind any proxy. The status is 302, as in the original MiniTwit.
pub(super) fn redirect(path: &str) -> Response {
    Response::builder().status(StatusCode::FOUND).header(header::LOCATION, path).finish()
}

/// Forbids browsers to store the responses of `endpoint`.
pub(super) async fn no_store<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let mut response = endpoint.call(request).await?.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}
