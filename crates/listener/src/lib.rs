//! Accepts and serves HTTP/1 connections within deadlines that a slow client cannot evade.
//!
//! It uses hyper and tokio, and nothing of MiniTwit. The handler is responsible for routes,
//! headers, request bodies and their limits.
//!
//! - hyper's `header_read_timeout` does not replace [`ConnectionLimits`]. It is one deadline for the
//!   wait and the head together, and a client that does not read its response has none.
//! - poem's server does not replace [`serve()`]. It hides vectored writes, so hyper copies each response
//!   body behind its head. It also locks the stream for each read and write, and keeps serving
//!   connections that have ended.

mod limits;
mod phase;
mod registry;
mod serve;
mod shutdown;
mod timed_stream;

pub use self::{limits::ConnectionLimits, serve::serve, shutdown::Shutdown};
