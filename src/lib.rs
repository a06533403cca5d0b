//! MiniTwit: a microblog on PostgreSQL.
//!
//! Imports run one way, which `tests/it/layering.rs` enforces:
//! `domain ← db ← service ← {simulator_api, api, web} ← server ← commands`. The three surfaces share
//! `http`. `commands` and `seed` use `db`. `config` and `telemetry` import no other module.

pub mod api;
pub mod commands;
pub mod config;
pub mod db;
pub mod domain;
pub mod http;
#[cfg(feature = "seed")]
pub mod seed;
pub mod server;
pub mod service;
pub mod simulator_api;
pub mod telemetry;
pub mod web;
