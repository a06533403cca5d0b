//! Tests against a real server on a real PostgreSQL.

mod accounts;
mod connections;
mod embedded;
mod latest;
mod pages;
mod races;
mod simulator;
mod support;
