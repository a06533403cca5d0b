//! Conversion of values to query parameters.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::domain::Cursor;

pub(super) fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// Splits a cursor into the time and the id of the row that a page starts after.
pub(super) fn keyset(cursor: Option<Cursor>) -> (Option<OffsetDateTime>, Option<i64>) {
    (cursor.map(|cursor| cursor.published_at()), cursor.map(|cursor| cursor.message_id()))
}

/// The number of rows to read for a page: one more than it shows tells
/// [`Page::of`](crate::domain::Page::of) that there is a next page.
pub(super) fn one_more(limit: u16) -> i64 {
    i64::from(limit) + 1
}
