//! What protects people and the server from others.

mod cross_site;
mod failures;
mod headers;
