//! Tests against a real server on a real PostgreSQL.

mod connections;
mod embedded;
mod latest;
mod races;
mod simulator;
mod support;
