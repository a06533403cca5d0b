//! The parts that every page shows around its content.

use serde::Serialize;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Frame {
    /// The viewer's username; `None` if signed out.
    pub viewer: Option<String>,
    /// The texts of the flash messages.
    pub flashes: Vec<String>,
    /// Warnings about what the viewer has just done. They are no flash messages: clients expect the exact
    /// text of the list of these.
    pub warnings: Vec<String>,
    /// True if a flash message says that the viewer's text is stored, so that no draft of it is needed.
    pub saved: bool,
    /// The mark of the viewer's session; `None` if signed out.
    pub session: Option<SessionMark>,
}

/// A page keeps the mark of its session. If the browser shows the page again after the session has
/// ended, the mark differs from the cookie's.
#[derive(Debug, Clone, Serialize)]
pub struct SessionMark {
    /// The name of the cookie with the current mark.
    pub cookie: String,
    /// The mark when the page was rendered.
    pub value: String,
}
