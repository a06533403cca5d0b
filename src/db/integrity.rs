//! Checks of a whole database: every index, every page, every constraint. Slow, and the constraints are
//! locked and marked as not valid meanwhile, so it is for copies only.
//!
//! The statements name objects that are found at run time, so sqlx's checked macros do not apply.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::Error;

/// Compares each B-tree index with its table. Returns the number of indexes; a damaged one is a
/// database error that names it.
pub async fn check_indexes(connection: &mut PgConnection) -> Result<i64, Error> {
    connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck").await?;
    let query = "SELECT count(bt_index_parent_check(pg_class.oid, true)::text)
        FROM pg_index
        JOIN pg_class ON pg_class.oid = pg_index.indexrelid
        JOIN pg_am ON pg_am.oid = pg_class.relam
        WHERE pg_am.amname = 'btree' AND pg_class.relpersistence = 'p' AND pg_index.indisvalid";
    Ok(connection.fetch_one(query).await?.try_get(0)?)
}

/// Checks the pages of each table. Returns a line for each damage, at most 100.
pub async fn check_tables(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let query = "SELECT pg_class.oid::regclass::text || ', page ' || blkno || ': ' || msg
        FROM pg_class CROSS JOIN LATERAL verify_heapam(pg_class.oid::regclass)
        WHERE pg_class.relkind IN ('r', 't', 'm') AND pg_class.relpersistence = 'p' LIMIT 100";
    let rows = connection.fetch_all(query).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Validates each check and foreign key of the tables, and builds each unique index again. Returns the
/// number of constraints; a violated one is a database error that names it.
pub async fn check_constraints(connection: &mut PgConnection) -> Result<usize, Error> {
    connection
        .execute(
            "UPDATE pg_constraint SET convalidated = false
             WHERE contype IN ('c', 'f') AND conrelid <> 0
               AND connamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'users'::regclass)",
        )
        .await?;
    let query = "SELECT CASE WHEN contype IN ('c', 'f')
                THEN format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname)
                ELSE format('REINDEX INDEX %s', conindid::regclass) END
        FROM pg_constraint
        WHERE contype IN ('c', 'f', 'p', 'u', 'x') AND conrelid <> 0
              AND connamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'users'::regclass)
        ORDER BY conname";
    let rows = connection.fetch_all(query).await?;
    for row in &rows {
        let statement: String = row.try_get(0)?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(rows.len())
}
