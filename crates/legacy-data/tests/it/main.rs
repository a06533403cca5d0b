//! Reads every form of the old systems' data, whole and damaged.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod damage;
mod forms;
mod json;
mod postgres;
mod sqlite;
mod support;
