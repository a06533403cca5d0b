//! What operators and readers of the API ask the server itself.

pub mod document;
mod health;
mod metrics;
