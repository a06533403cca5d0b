//! The parts that every page shows around its content.

use serde::Serialize;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Frame {
    /// The viewer's username; `None` if signed out.
    pub viewer: Option<String>,
    /// The texts of the flash messages.
    pub flashes: Vec<String>,
}
