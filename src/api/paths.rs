//! Paths of the API as response headers contain them.

use std::fmt::Display;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::Username;

/// The path under which the server mounts the API.
pub const PREFIX: &str = "/api/v1";

pub(super) fn message(id: i64) -> String {
    format!("{PREFIX}/messages/{id}")
}

pub(super) fn user(username: &Username) -> String {
    format!("{PREFIX}/users/{}", encode(username.as_str()))
}

/// Percent-encodes a path segment, or a name or value in a query.
pub(super) fn encode(text: &str) -> impl Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}
