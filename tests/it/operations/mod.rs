//! What operators and readers of the API ask the server itself.

mod document;
mod health;
mod metrics;
