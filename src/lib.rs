//! MiniTwit: a microblog on PostgreSQL.
//!
//! Imports run one way, which `tests/it/layering.rs` enforces:
//! `domain ← db ← service ← {sim, api, web} ← server ← commands`; the three surfaces share
//! `surface`; `seed` stands between `db` and `commands`; `config` and `telemetry` are leaves, and so
//! is `simulate`, a client that only `commands` uses.

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
