//! One file a resource: each handler parses a request, calls one operation and renders the result.

pub(super) mod feeds;
pub(super) mod files;
pub(super) mod following;
pub(super) mod message;
pub(super) mod people;
pub(super) mod search;
pub(super) mod settings;
pub(super) mod sign_in;
pub(super) mod tag;
pub(super) mod timelines;
pub(super) mod tokens;
