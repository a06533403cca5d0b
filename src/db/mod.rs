//! The database: its pool, its migrations and all SQL, one file or directory per table.
//!
//! Imports only `domain`. Every function returns an error if the database fails; the doc comments
//! name only other errors. The compiler checks each query against `.sqlx`, which `make queries`
//! generates from the migrations.

pub mod api_tokens;
pub mod archiving;
pub mod backup_note;
mod bounds;
pub mod bulk;
mod cause;
mod class_pool;
mod connection_settings;
mod error;
pub mod export;
pub mod follows;
pub mod idempotency_keys;
pub mod import;
pub mod instance;
pub mod integrity;
pub mod known_clients;
pub mod messages;
pub mod migrations;
mod parameters;
mod pool;
pub mod roles;
pub mod search_blocks;
#[cfg(feature = "seed")]
pub mod seed;
pub mod sessions;
pub mod simulator_latest;
mod slots;
#[cfg(test)]
pub(crate) mod test_support;
pub mod text_rules;
pub mod user_counts;
pub mod users;
pub mod write_probes;

pub use bounds::{Class, PoolSettings, ReadBounds, ReadSettings, TooManyReads};
pub use cause::Cause;
pub use error::Error;
pub use parameters::NewSession;
pub use pool::{Database, PoolState};
/// Types in signatures of this module.
pub use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
