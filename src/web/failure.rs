//! How a page fails: always as a page, in the words that its status has there.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, PathPattern, Request, Response, Result,
    error::ResponseError,
    http::{StatusCode, header},
};

use super::{
    extract::session,
    pages::{ErrorPage, Frame},
    respond,
    templates::{TemplateError, Templates},
};
use crate::{
    domain::InvalidCursor,
    http::cross_site::CrossSite,
    service::{Error, ErrorKind, Service},
    telemetry::request::{RequestId, log_failure},
};

/// Seconds after which a browser may try again what the server had no time for.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// An operation refused or failed.
    #[error(transparent)]
    Service(#[from] Error),
    /// Only somebody who is signed in can do this.
    #[error("You have to sign in to do this.")]
    SignedOut,
    /// Another site sent the request.
    #[error(transparent)]
    CrossSite(#[from] CrossSite),
    /// A link was followed to what only a form may do.
    #[error("A link cannot do this. Please use the button on the page.")]
    ByLink,
    /// The query string has no cursor that a page gave out.
    #[error("before: {0}.")]
    Cursor(#[from] InvalidCursor),
    /// The name in the path is malformed, so that it is nobody's.
    #[error("There is no user named {0}.")]
    NoSuchUser(String),
    /// What the path has instead of a tag is none.
    #[error("There is no tag #{0}: a tag is one word, which has a letter.")]
    NoSuchTag(String),
    /// There is no such file.
    #[error("no such file")]
    NoSuchFile,
    /// A page could not be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A handler panicked. The panic itself was logged where it happened.
    #[error("a handler panicked")]
    Panicked,
    /// The pages are served without what they need; a mistake in `server`.
    #[error("the pages are served without their templates or without the client's address")]
    Misassembled,
}

impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Service(error) => match error.kind() {
                ErrorKind::Invalid => StatusCode::BAD_REQUEST,
                ErrorKind::Forbidden => StatusCode::FORBIDDEN,
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::CrossSite(_) | Self::ByLink => StatusCode::FORBIDDEN,
            Self::Cursor(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchUser(_) | Self::NoSuchTag(_) | Self::NoSuchFile => StatusCode::NOT_FOUND,
            Self::Template(_) | Self::Panicked | Self::Misassembled => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl Failure {
    /// What the page says instead of its status's usual words, if that helps.
    fn text(&self) -> Option<String> {
        match self {
            Self::Service(error)
                if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal) =>
            {
                Some(format!("{error}."))
            }
            Self::ByLink | Self::Cursor(_) | Self::NoSuchUser(_) | Self::NoSuchTag(_) => {
                Some(self.to_string())
            }
            Self::CrossSite(refusal) => Some(format!("{refusal}.")),
            _ => None,
        }
    }
}

/// Around all pages: turns every error into its page.
pub(super) async fn render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let templates = request.data::<Arc<Templates>>().cloned();
    let viewer = session::token(request.cookie()).zip(request.data::<Service>().cloned());
    let error = match AssertUnwindSafe(endpoint.call(request)).catch_unwind().await {
        Ok(Ok(response)) => return Ok(response.into_response()),
        Ok(Err(error)) => error,
        Err(_) => Failure::Panicked.into(),
    };
    let status = error.status();
    if status.is_server_error() {
        match error.downcast_ref::<Failure>() {
            Some(failure) => log_failure(failure),
            None => log_failure(&error),
        }
    }
    let mut frame = Frame::default();
    // Where the database has just failed, it is not asked for more.
    if let (Some((token, service)), true) = (viewer, status.is_client_error()) {
        let user = service.session_user(&token).await.unwrap_or_default();
        frame.viewer = user.map(|user| user.username.to_string());
    }
    let mut response = page(templates.as_deref(), frame, &error);
    let pattern = error.data::<PathPattern>().cloned();
    if let Some(pattern) = pattern {
        response.set_data(pattern);
    }
    Ok(response)
}

/// Seconds after which to try again, where that may help.
fn retry_after(error: &poem::Error) -> Option<u64> {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Service(error)) if error.kind() == ErrorKind::RateLimited => {
            error.retry_after()
        }
        _ if error.status() == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER_SECONDS),
        _ => None,
    }
}

fn page(templates: Option<&Templates>, frame: Frame, error: &poem::Error) -> Response {
    let status = error.status();
    let mut page = ErrorPage::new(frame, status.as_u16());
    if let Some(text) = error.downcast_ref::<Failure>().and_then(Failure::text) {
        page = page.with_text(text);
    }
    if let (true, Some(id)) = (status.is_server_error(), RequestId::current()) {
        page = page.with_request_id(id.to_string());
    }
    let rendered = templates
        .ok_or(Failure::Misassembled)
        .and_then(|templates| respond::render(templates, status, &page));
    let mut response = rendered.unwrap_or_else(|failure| {
        log_failure(&failure);
        status.into_response()
    });
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
