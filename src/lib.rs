//! MiniTwit: a microblog on PostgreSQL.
//!
//! Imports run one way, which `tests/it/layering.rs` enforces:
//! `domain ← db ← service ← {sim, web} ← server ← commands`; `config` and `telemetry` are leaves,
//! and `seed` stands between `db` and `commands`.

pub mod commands;
pub mod config;
pub mod db;
pub mod domain;
pub mod seed;
pub mod server;
pub mod service;
pub mod sim;
pub mod telemetry;
pub mod web;
