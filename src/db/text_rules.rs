//! The rules for texts that indexes depend on: upper and lower case, and order. They come from the C
//! library of the server, and PostgreSQL records no version of them for the locale C.UTF-8. An index that
//! was built by other rules misses rows.

use sqlx::{AssertSqlSafe, PgConnection};

use super::Error;

/// The first version of PostgreSQL that records the version of a database's collation.
const VERSIONS_BEGIN: i32 = 150_000;

/// What the rules come from: the build of the server, and the version of the C library where the server
/// tells it.
pub async fn current(connection: &mut PgConnection) -> Result<String, Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT concat_ws('; ', version(),
               (SELECT string_agg(DISTINCT pg_collation_actual_version(oid), ', ')
                FROM pg_collation WHERE collprovider = 'c')) AS "current!""#
    );
    Ok(query.fetch_one(connection).await?)
}

/// The rules of the last [`rebuild`]; `None` before the first one.
pub async fn recorded(connection: &mut PgConnection) -> Result<Option<String>, Error> {
    let query = sqlx::query_scalar!("SELECT current_setting('minitwit.text_rules', true)");
    Ok(query.fetch_one(connection).await?.filter(|text| !text.is_empty()))
}

/// Builds the indexes that depend on the rules again, and records the rules. Returns the names of the
/// indexes. Writers of their tables wait.
pub async fn rebuild(connection: &mut PgConnection, rules: &str) -> Result<Vec<String>, Error> {
    // A full-text index contains terms that the rules have formed already.
    let indexes = sqlx::query_scalar!(
        r#"SELECT indexrelid::regclass::text AS "name!" FROM pg_index
           JOIN pg_class ON pg_class.oid = indexrelid
           WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'users'::regclass)
             AND (indexprs IS NOT NULL OR indpred IS NOT NULL OR EXISTS (
                 SELECT FROM pg_collation WHERE pg_collation.oid = ANY (indcollation)
                    AND collname NOT IN ('C', 'POSIX')))
           ORDER BY 1"#
    );
    let indexes = indexes.fetch_all(&mut *connection).await?;
    for index in &indexes {
        sqlx::raw_sql(AssertSqlSafe(format!("REINDEX INDEX {index}")))
            .execute(&mut *connection)
            .await?;
    }
    let record = sqlx::query_scalar!(
        r#"SELECT format('ALTER DATABASE %I SET minitwit.text_rules = %L', current_database(), $1::text)
               AS "statement!""#,
        rules
    );
    let record = record.fetch_one(&mut *connection).await?;
    sqlx::raw_sql(AssertSqlSafe(record)).execute(connection).await?;
    Ok(indexes)
}

/// The versions of the database's collation: that of its indexes, and that of the server now, if they
/// differ.
pub async fn changed_version(
    connection: &mut PgConnection,
) -> Result<Option<(String, String)>, Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT current_setting('server_version_num')::integer AS "version!""#
    );
    if query.fetch_one(&mut *connection).await? < VERSIONS_BEGIN {
        return Ok(None);
    }
    let query = sqlx::query!(
        r#"SELECT datcollversion AS "built!",
                  COALESCE(pg_database_collation_actual_version(oid), 'none') AS "now!"
           FROM pg_database WHERE datname = current_database()
             AND datcollversion <> COALESCE(pg_database_collation_actual_version(oid), 'none')"#
    );
    Ok(query.fetch_optional(connection).await?.map(|row| (row.built, row.now)))
}
