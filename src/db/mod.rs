//! The database: its pool, its migrations, the embedded server, and all SQL, one file a table.
//!
//! May use `domain` alone. Queries are checked at compile time against the schema that the
//! migrations make; `make queries` renews what the checks go by (`.sqlx`).

pub mod api_tokens;
mod error;
pub mod follows;
pub mod idempotency_keys;
pub mod messages;
pub mod migrations;
pub mod moderation;
mod pool;
#[cfg(feature = "seed")]
pub mod seed;
pub mod sessions;
pub mod simulator_latest;
pub mod user_counts;
pub mod users;

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::domain::Cursor;

pub use error::Error;
pub use pool::{Database, PoolSettings, PoolState};
/// What commands hand from one function of this layer to the next.
pub use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

/// A length of time as PostgreSQL's `interval`.
fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// The time and the key after which a list goes on.
fn keyset(before: Option<Cursor>) -> (Option<OffsetDateTime>, Option<i64>) {
    (before.map(|cursor| cursor.published_at()), before.map(|cursor| cursor.message_id()))
}

/// One row more than a page shows tells whether there is a next page.
fn one_more(limit: u16) -> i64 {
    i64::from(limit) + 1
}
