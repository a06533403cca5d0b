//! Accepts HTTP/1 connections and serves them with deadlines that a slow client cannot evade.
//!
//! Uses nothing of MiniTwit.

mod acceptor;
mod phase;
mod serve;
mod shutdown;
mod timed_stream;

pub use self::{
    acceptor::{ConnectionLimits, LimitedAcceptor},
    serve::serve,
    shutdown::Shutdown,
};
