//! Follows of an export.

use futures_util::{Stream, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{OffsetDateTime, serde::rfc3339};

use crate::db::{bulk::copy, error::Error};

/// A follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowRow {
    /// The id of the follower.
    pub follower_id: i64,
    /// The id of the followee.
    pub followee_id: i64,
    /// When it began.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Reads all follows by their users' ids.
pub fn read(connection: &mut PgConnection) -> impl Stream<Item = Result<FollowRow, Error>> {
    sqlx::query_as!(
        FollowRow,
        "SELECT follower_id, followee_id, created_at FROM follows ORDER BY follower_id, followee_id"
    )
    .fetch(connection)
    .map_err(Error::from)
}

/// Inserts follows by COPY, all or none. Their users exist.
pub async fn insert(connection: &mut PgConnection, rows: &[FollowRow]) -> Result<(), Error> {
    let columns = ("follows", "follower_id, followee_id, created_at");
    let copied = copy(connection, columns, rows, |text, row| {
        text.number(row.follower_id).number(row.followee_id).time(row.created_at).end();
    });
    Ok(copied.await?)
}
