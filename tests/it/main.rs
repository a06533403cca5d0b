//! Tests against a real server on a real PostgreSQL.

mod connections;
mod embedded;
mod layering;
mod simulator;
mod support;
