//! The groups of operations in the OpenAPI document.

use poem_openapi::Tags;

#[derive(Tags)]
pub(super) enum Tag {
    /// Create, list and revoke bearer tokens.
    Tokens,
    /// See whose token a request has; delete the account.
    Account,
    /// Sign up, read profiles, change the own account.
    Users,
    /// Follow and unfollow users; list followers and followees.
    Follows,
    /// Post, read, edit and delete messages; read timelines.
    Messages,
    /// Search messages and users.
    Search,
    /// Receive new messages as server-sent events.
    Stream,
}
