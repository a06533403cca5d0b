//! Tests against a real server on a real PostgreSQL.

mod accounts;
mod browser;
mod connections;
mod embedded;
mod latest;
mod logs;
mod operations;
mod pages;
mod races;
mod safety;
mod simulator;
mod support;
