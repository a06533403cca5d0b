//! An entry of the catalogue of error codes, which the JSON API fills in and a page shows.

use serde::Serialize;

/// The path of the page with all error codes.
pub const CATALOGUE_PATH: &str = "/docs/errors";

/// An error code with its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErrorEntry {
    /// The code in responses, in kebab case. It never changes.
    pub code: &'static str,
    /// The HTTP status of every response with this code.
    pub status: u16,
    /// The meaning of the code, the same in every response.
    pub title: &'static str,
    /// The text of a response. For some codes, responses are more specific.
    pub detail: &'static str,
    /// The reason why the server responds with this code.
    pub cause: &'static str,
    /// What the client can do.
    pub remedy: &'static str,
}

impl ErrorEntry {
    /// The URI reference of this entry on the page of all codes.
    pub fn uri(&self) -> String {
        format!("{CATALOGUE_PATH}#{}", self.code)
    }
}

/// All error codes, for the page that shows them.
#[derive(Debug, Clone, Copy)]
pub struct ErrorCatalogue(pub &'static [ErrorEntry]);
