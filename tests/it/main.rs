//! Tests against a real server on a real PostgreSQL.

mod configuration;
mod connections;
mod durability;
mod embedded;
mod layering;
mod migrations;
mod outage;
mod query_plans;
mod scenario;
mod schema;
mod simulator;
mod support;
