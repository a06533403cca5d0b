//! The archiving and the replay of WAL: views and functions of the server.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Error;

/// The time of the last transaction that recovery replayed since the server started; `None` if it
/// replayed none.
pub async fn last_replayed(connection: &mut PgConnection) -> Result<Option<OffsetDateTime>, Error> {
    let query = sqlx::query_scalar!("SELECT pg_last_xact_replay_timestamp()");
    Ok(query.fetch_one(connection).await?)
}

/// When a WAL segment was last archived; `None` if none was since the statistics were reset.
pub async fn last_archived(connection: &mut PgConnection) -> Result<Option<OffsetDateTime>, Error> {
    let query = sqlx::query_scalar!("SELECT last_archived_time FROM pg_stat_archiver");
    Ok(query.fetch_one(connection).await?)
}

/// Whether the database has the tables of MiniTwit.
pub async fn has_schema(connection: &mut PgConnection) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(r#"SELECT to_regclass('users') IS NOT NULL AS "has_schema!""#);
    Ok(query.fetch_one(connection).await?)
}
