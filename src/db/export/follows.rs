//! Follows of an export.

use futures_util::{Stream, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{OffsetDateTime, serde::rfc3339};

use crate::db::error::Error;

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

/// Inserts follows, all or none. Their users exist.
pub async fn insert(connection: &mut PgConnection, rows: &[FollowRow]) -> Result<(), Error> {
    let followers: Vec<i64> = rows.iter().map(|row| row.follower_id).collect();
    let followees: Vec<i64> = rows.iter().map(|row| row.followee_id).collect();
    let times: Vec<OffsetDateTime> = rows.iter().map(|row| row.created_at).collect();
    sqlx::query!(
        "INSERT INTO follows (follower_id, followee_id, created_at)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[])",
        &followers,
        &followees,
        &times,
    )
    .execute(connection)
    .await?;
    Ok(())
}
