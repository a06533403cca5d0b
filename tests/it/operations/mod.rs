//! Health checks, metrics, API documents, shutdown and production mode.

mod document;
mod drain;
mod embedded;
mod health;
mod healthcheck;
mod metrics;
mod metrics_reference;
mod missing_data;
mod production;
mod representations;
mod watchdog;
