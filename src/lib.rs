//! MiniTwit: a microblog on PostgreSQL.
//!
//! Imports run one way, which `tests/it/layering.rs` enforces:
//! `domain ← db ← service ← {sim, web} ← server ← commands`; `config` and `telemetry` are leaves.

pub mod db;
pub mod domain;
