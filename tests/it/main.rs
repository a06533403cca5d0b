//! Tests against a real server on a real PostgreSQL.

mod browser;
mod connections;
mod embedded;
mod simulator;
mod support;
