//! Logs, metrics and request ids. A leaf: it imports no other module of MiniTwit.

pub mod logs;
pub mod metrics;
pub mod request;
pub mod route_metrics;
