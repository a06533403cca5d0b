//! Follows of an import, and the table `imported_follows`.

use std::collections::HashSet;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::ImportId;
use crate::{
    db::{bulk::copy, error::Error},
    domain::UserId,
};

/// A follower and a followee.
pub type Pair = (UserId, UserId);

/// Returns the pairs among these that were imported.
pub async fn imported(
    connection: &mut PgConnection,
    import: ImportId,
    pairs: &[Pair],
) -> Result<HashSet<Pair>, Error> {
    let (followers, followees) = columns(pairs);
    let query = sqlx::query!(
        "SELECT follower_id, followee_id FROM imported_follows
         WHERE source_id = $1 AND (follower_id, followee_id) IN
               (SELECT * FROM unnest($2::bigint[], $3::bigint[]))",
        import.0,
        &followers,
        &followees,
    );
    let rows = query.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.follower_id), UserId(row.followee_id))).collect())
}

/// Whether a follow of this source was imported.
pub async fn any_imported(connection: &mut PgConnection, import: ImportId) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM imported_follows WHERE source_id = $1) AS "any!""#,
        import.0,
    );
    Ok(query.fetch_one(connection).await?)
}

/// Inserts follows into the empty table by COPY.
pub async fn copy_all(
    connection: &mut PgConnection,
    import: ImportId,
    pairs: &[Pair],
    created_at: OffsetDateTime,
) -> Result<(), Error> {
    let table = ("follows", "follower_id, followee_id, created_at");
    let copied = copy(connection, table, pairs, |row, (follower, followee)| {
        row.number(follower.0).number(followee.0).time(created_at).end();
    });
    copied.await?;
    record(connection, import, pairs).await
}

/// Inserts follows that do not exist yet and whose users exist.
pub async fn insert(
    connection: &mut PgConnection,
    import: ImportId,
    pairs: &[Pair],
    created_at: OffsetDateTime,
) -> Result<(), Error> {
    let (followers, followees) = columns(pairs);
    // The row locks keep the users until the foreign keys are checked.
    let query = sqlx::query!(
        "WITH new AS MATERIALIZED (
             SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS pair (follower_id, followee_id)),
         existing AS MATERIALIZED (
             SELECT user_id FROM users
             WHERE user_id = ANY ($1::bigint[] || $2::bigint[])
             ORDER BY user_id
             FOR KEY SHARE)
         INSERT INTO follows (follower_id, followee_id, created_at)
         SELECT follower_id, followee_id, $3 FROM new
         WHERE follower_id IN (SELECT user_id FROM existing)
           AND followee_id IN (SELECT user_id FROM existing)
         ORDER BY follower_id, followee_id
         ON CONFLICT ON CONSTRAINT follows_pkey DO NOTHING",
        &followers,
        &followees,
        created_at,
    );
    query.execute(&mut *connection).await?;
    record(connection, import, pairs).await
}

async fn record(
    connection: &mut PgConnection,
    import: ImportId,
    pairs: &[Pair],
) -> Result<(), Error> {
    let table = ("imported_follows", "source_id, follower_id, followee_id");
    let copied = copy(connection, table, pairs, |row, (follower, followee)| {
        row.number(import.0.into()).number(follower.0).number(followee.0).end();
    });
    Ok(copied.await?)
}

fn columns(pairs: &[Pair]) -> (Vec<i64>, Vec<i64>) {
    pairs.iter().map(|(follower, followee)| (follower.0, followee.0)).unzip()
}
