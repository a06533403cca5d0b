//! Logs, metrics, request ids, and the file of rejected commands. A leaf: it imports no other module of MiniTwit.

pub mod logs;
pub mod metrics;
pub mod process;
pub mod rejected_commands;
pub mod request;
pub mod route_metrics;
pub mod saturation;
pub mod simulator_metrics;
