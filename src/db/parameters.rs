//! Parameters of queries, and the conversion of values to them.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::domain::{ClientHash, Cursor, TokenHash};

/// A session to insert.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The hash of its token.
    pub token: TokenHash,
    /// How long it lasts without use.
    pub lifetime: Duration,
    /// What its client is recognized by at a later sign-in.
    pub clients: Vec<ClientHash>,
}

pub(super) fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// Splits a cursor into the time and the id of the row that a page starts after.
pub(super) fn keyset(cursor: Option<Cursor>) -> (Option<OffsetDateTime>, Option<i64>) {
    (cursor.map(|cursor| cursor.published_at()), cursor.map(|cursor| cursor.message_id()))
}

pub(super) fn client_hashes(clients: &[ClientHash]) -> Vec<&[u8]> {
    clients.iter().map(ClientHash::as_bytes).collect()
}

/// The number of rows to read for a page: one more than it shows tells
/// [`Page::of`](crate::domain::Page::of) that there is a next page.
pub(super) fn one_more(limit: u16) -> i64 {
    i64::from(limit) + 1
}
