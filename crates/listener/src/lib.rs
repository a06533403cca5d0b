//! Accepts and serves HTTP/1 connections within deadlines that a slow client cannot evade.
//!
//! It uses hyper and tokio, and nothing of MiniTwit. The handler is responsible for routes,
//! headers, request bodies and their limits.
//!
//! - hyper's `header_read_timeout` does not replace [`ConnectionLimits`]: it is one deadline for the
//!   wait and the head together, and hyper sets none for a client that does not read its response.
//! - poem's server does not replace [`serve`]: it hides vectored writes, so that hyper copies each
//!   response behind its head; it locks the stream for each read and write; and it keeps serving
//!   connections that have ended.

mod limits;
mod phase;
mod serve;
mod shutdown;
mod timed_stream;

pub use self::{limits::ConnectionLimits, serve::serve, shutdown::Shutdown};
