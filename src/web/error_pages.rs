//! Renders every error of the pages as an HTML page.

use std::sync::Arc;

use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{Method, StatusCode, header},
};

use super::{
    cookies::Cookies,
    failure::Failure,
    links::{NEW_MESSAGE_PATH, own_path, page_of},
    pages::{ErrorPage, Frame, SignInForm},
    respond,
    templates::Templates,
    written::Written,
};
use crate::{
    http::{
        cookies::mentions_session,
        errors::{RETRY_AFTER_SECONDS, call_and_render, log_internal},
    },
    service::{ErrorKind, Service},
    telemetry::request::{RequestId, log_failure},
};

pub(super) async fn render<E: Endpoint<Output: IntoResponse>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let templates = request.data::<Arc<Templates>>().cloned();
    let cookies = mentions_session(request.headers()).then(|| Cookies::known(&request)).flatten();
    let session = cookies.zip(request.data::<Service>().cloned());
    let here = here(&request);
    let render = async |error: poem::Error| {
        if error.status().is_server_error() {
            match error.downcast_ref::<Failure>() {
                Some(Failure::Service(error)) if error.kind() == ErrorKind::Busy => {}
                Some(failure) => log_failure(failure),
                None => log_internal(&error),
            }
        }
        let mut frame = Frame::default();
        // The database may have caused a server error, so this sends no query to it.
        if let (Some((cookies, service)), true) = (session, error.status().is_client_error()) {
            let found = service.first_session(cookies.sessions()).await.unwrap_or_default();
            frame.session = found.as_ref().map(|_| cookies.session_mark());
            frame.viewer = found.map(|(_, account)| account.user.username.to_string());
        }
        error_page(templates.as_deref(), frame, here, &error)
    };
    Ok(call_and_render(endpoint, request, render).await)
}

/// The page to return to after signing in.
fn here(request: &Request) -> String {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let page = page_of(request.uri().path(), is_read);
    match request.uri().query() {
        Some(query) if is_read && page == request.uri().path() => format!("{page}?{query}"),
        _ => page.to_owned(),
    }
}

/// The text of the failed request, and the form by which the visitor goes on.
fn with_way_on(page: ErrorPage, here: String, error: &poem::Error) -> ErrorPage {
    let written = error.data::<Written>().filter(|it| !it.text.text.is_empty()).cloned();
    let signs_in = written.as_ref().is_some_and(|written| written.signs_in);
    let mut written = written.map(|written| written.text);
    if signs_in || error.status() == StatusCode::UNAUTHORIZED {
        let next = own_path(&here).map(str::to_owned);
        let next = written.as_ref().map(|written| written.action.clone()).or(next);
        return page.with_sign_in(SignInForm { next, written, ..SignInForm::default() });
    }
    if let Some(written) = written.as_mut().filter(|_| error.status() == StatusCode::NOT_FOUND) {
        // The message is gone. Its text can still become a new one.
        NEW_MESSAGE_PATH.clone_into(&mut written.action);
    }
    match written {
        Some(written) => page.with_written(written),
        None => page,
    }
}

fn error_page(
    templates: Option<&Templates>,
    frame: Frame,
    here: String,
    error: &poem::Error,
) -> Response {
    let status = error.status();
    let mut page = with_way_on(ErrorPage::new(frame, status.as_u16()), here, error);
    if let Some(text) = error.downcast_ref::<Failure>().and_then(Failure::text) {
        page = page.with_text(text);
    }
    if let (true, Some(id)) = (status.is_server_error(), RequestId::current()) {
        page = page.with_request_id(id.to_string());
    }
    let rendered = templates
        .ok_or(Failure::MissingState)
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

/// The value of `Retry-After`, for errors where a retry may succeed.
fn retry_after(error: &poem::Error) -> Option<u64> {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Service(error)) if error.kind() == ErrorKind::RateLimited => {
            error.retry_after()
        }
        _ if error.status() == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER_SECONDS),
        _ => None,
    }
}
