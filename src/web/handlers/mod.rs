//! The handlers, one file per resource. A handler parses the request, calls one operation and renders
//! the result.

pub mod error_codes;
pub mod feeds;
pub mod files;
pub mod following;
pub mod message;
pub mod own_data;
pub mod people;
pub mod reply;
pub mod search;
pub mod settings;
pub mod sign_in;
pub mod tag;
pub mod timelines;
pub mod tokens;
