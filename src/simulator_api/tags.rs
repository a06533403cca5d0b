//! The groups of operations in the OpenAPI document.

use poem_openapi::Tags;

#[derive(Tags)]
pub(super) enum Tag {
    /// Registration, and the command that arrived last.
    Simulator,
    /// Posting and reading messages.
    Messages,
    /// Follows between users.
    Follows,
}
