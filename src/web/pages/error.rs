//! The page of a failed request.

use serde::Serialize;

use super::{frame::Frame, sign_in::SignInForm, written_text::WrittenText};
use crate::web::templates::Page;

#[derive(Debug, Serialize)]
pub struct ErrorPage {
    frame: Frame,
    status: u16,
    heading: &'static str,
    text: String,
    request_id: Option<String>,
    /// The way on for a signed-out visitor.
    sign_in: Option<SignInForm>,
    /// The text that the failed request sent, to send it again.
    written: Option<WrittenText>,
}

impl ErrorPage {
    /// The page with the default text of `status`.
    pub fn new(frame: Frame, status: u16) -> Self {
        let (heading, text) = heading_and_text(status);
        let text = text.to_owned();
        Self { frame, status, heading, text, request_id: None, sign_in: None, written: None }
    }

    pub fn with_sign_in(self, sign_in: SignInForm) -> Self {
        Self { sign_in: Some(sign_in), ..self }
    }

    pub fn with_written(self, written: WrittenText) -> Self {
        Self { written: Some(written), ..self }
    }

    pub fn with_text(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    /// Shows the id by which an operator finds the request in the log.
    pub fn with_request_id(self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// An unexpected status gets the heading and text of 500.
fn heading_and_text(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("Bad Request", "MiniTwit could not understand this request."),
        401 => ("Unauthorized", "You have to sign in to do this."),
        403 => ("Forbidden", "You are not allowed to do this."),
        404 => ("Not Found", "There is no page at this address. Is it spelled correctly?"),
        405 => ("Method Not Allowed", "This address does not support this kind of request."),
        408 => ("Request Timeout", "Your request took too long to arrive. Please try again."),
        413 => ("Content Too Large", "This request is too large."),
        415 => ("Unsupported Media Type", "MiniTwit accepts only forms here."),
        429 => ("Too Many Requests", "That was a little too fast. Please try again in a minute."),
        503 => ("Service Unavailable", "MiniTwit is busy right now. Please try again in a minute."),
        _ => ("Internal Server Error", "Something went wrong on our side. Please try again later."),
    }
}
