//! The database: its pool, its migrations and all SQL, one file or directory a table.
//!
//! Imports `domain` alone. Every function returns an error if the database fails; its documentation
//! names only the other errors. The compiler checks each query against `.sqlx`, which
//! `make queries` generates from the schema that the migrations make.

pub mod api_tokens;
mod error;
pub mod follows;
pub mod idempotency_keys;
pub mod messages;
pub mod migrations;
mod parameters;
mod pool;
#[cfg(feature = "seed")]
pub mod seed;
pub mod sessions;
pub mod simulator_latest;
pub mod user_counts;
pub mod users;

pub use error::Error;
pub use pool::{Database, PoolSettings, PoolState};
/// Types that commands pass from one function of this module to another.
pub use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
