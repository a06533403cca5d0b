//! The error codes of the JSON API, each with its cause and remedy.

use serde::Serialize;

use super::frame::Frame;
use crate::{http::error_entry::ErrorEntry, web::templates::Page};

#[derive(Debug, Serialize)]
pub struct ErrorCodesPage {
    pub frame: Frame,
    pub codes: &'static [ErrorEntry],
}

impl Page for ErrorCodesPage {
    const TEMPLATE: &'static str = "error_codes.html";
}
