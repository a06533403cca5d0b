//! What operators see of a running server: logs and metrics. A leaf: it imports nothing of MiniTwit.

pub mod logs;
pub mod metrics;
pub mod request;
pub mod routes;
