//! What operators and readers of the API ask the server itself.

pub mod document;
mod drain;
mod health;
mod healthcheck;
mod metrics;
mod production;
mod watchdog;
