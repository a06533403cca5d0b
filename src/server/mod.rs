//! The HTTP server: what stands between the sockets and the handlers.
//!
//! Connections are bounded in `connection` and `stream`; requests pass `proxies`, `paths` and
//! `limits` on their way in, and responses pass `headers` on their way out.

pub mod connection;
pub mod headers;
pub mod limits;
pub mod paths;
mod phase;
pub mod proxies;
mod stream;
