//! Tests against a real server on a real PostgreSQL.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests and their helpers fail by panicking"
)]

mod accounts;
mod api;
mod backups;
mod browser;
mod circles;
mod configuration;
mod counts;
mod database_url;
mod durability;
mod environment;
mod export;
mod import;
mod isolation;
mod latest;
mod layering;
mod locales;
mod logs;
mod migrations;
mod moderation;
mod operations;
mod outage;
mod pages;
mod parsers;
mod query_budget;
mod query_plans;
mod races;
mod readiness;
mod release;
mod request_limits;
mod safety;
mod schema;
mod security;
mod seed;
mod simulator;
mod simulator_api;
mod slots;
mod support;
mod tutorial;
mod waits;
