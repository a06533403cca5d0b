//! The database: its pool, its migrations, the embedded server, and all SQL, one file a table.
//!
//! May use `domain` alone. Queries are checked at compile time against the schema that the
//! migrations make; `make queries` renews what the checks go by (`.sqlx`).

pub mod embedded;
mod error;
pub mod follows;
pub mod messages;
pub mod migrations;
mod pool;
pub mod seed;
pub mod sessions;
pub mod simulator_latest;
pub mod users;

pub use error::Error;
pub use pool::{Database, PoolSettings, PoolState};
/// What commands hand from one function of this layer to the next.
pub use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
