//! The page that asks before a change by GET, because another site may have caused the request.

use serde::Serialize;

use super::frame::Frame;
use crate::web::templates::Page;

/// The change to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    Follow,
    Unfollow,
    SignOut,
}

#[derive(Debug, Serialize)]
pub struct ConfirmPage {
    frame: Frame,
    change: Confirmation,
    name: Option<String>,
    action: String,
}

impl ConfirmPage {
    /// The page for a change by GET at `action`, a path; `name` is the user that it concerns.
    pub fn new(frame: Frame, change: Confirmation, name: Option<String>, action: String) -> Self {
        Self { frame, change, name, action }
    }
}

impl Page for ConfirmPage {
    const TEMPLATE: &'static str = "confirm.html";
}
