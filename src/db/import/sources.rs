//! The table `import_sources`: the old systems, and the lock that lets one import run at a time.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::ImportId;
use crate::db::error::Error;

/// The key of the imports' advisory lock, used by nothing else in the database: "import" in ASCII.
const LOCK_KEY: i64 = 0x696d_706f_7274;

/// An import from a source.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    /// Its number.
    pub id: ImportId,
    /// When it began: the time of rows without a valid time.
    pub imported_at: OffsetDateTime,
    /// Whether it continues an interrupted import.
    pub continues: bool,
}

/// Takes the lock of imports for this connection. Returns `false` if another import has it.
pub async fn lock(connection: &mut PgConnection) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, LOCK_KEY);
    Ok(query.fetch_one(connection).await?)
}

/// Records the begin of an import, or continues the interrupted one of the same source.
pub async fn begin(
    connection: &mut PgConnection,
    source: &str,
    system: &str,
) -> Result<Import, Error> {
    let query = sqlx::query!(
        r#"WITH earlier AS (SELECT finished_at FROM import_sources WHERE name = $1)
           INSERT INTO import_sources AS import (name, system) VALUES ($1, $2)
           ON CONFLICT ON CONSTRAINT import_sources_name_key DO UPDATE
           SET started_at = CASE WHEN import.finished_at IS NULL THEN import.started_at
                                 ELSE now() END,
               finished_at = NULL
           RETURNING source_id, started_at,
                     EXISTS (SELECT FROM earlier WHERE finished_at IS NULL) AS "continues!""#,
        source,
        system,
    );
    let row = query.fetch_one(connection).await?;
    Ok(Import {
        id: ImportId(row.source_id),
        imported_at: row.started_at,
        continues: row.continues,
    })
}

/// Finds the import of a source and the current time, and changes nothing.
pub async fn find(
    connection: &mut PgConnection,
    source: &str,
) -> Result<(Option<Import>, OffsetDateTime), Error> {
    let query = sqlx::query!(
        r#"SELECT now() AS "now!", source_id AS "source_id?", started_at AS "started_at?", finished_at
           FROM (SELECT) AS one LEFT JOIN import_sources ON name = $1"#,
        source,
    );
    let row = query.fetch_one(connection).await?;
    let import = row.source_id.zip(row.started_at).map(|(id, imported_at)| {
        let continues = row.finished_at.is_none();
        let imported_at = if continues { imported_at } else { row.now };
        Import { id: ImportId(id), imported_at, continues }
    });
    Ok((import, row.now))
}

/// Records the end of an import, and deletes the hashes that it kept.
pub async fn complete(connection: &mut PgConnection, id: ImportId) -> Result<(), Error> {
    let query = sqlx::query!(
        "WITH deleted AS (DELETE FROM import_passwords WHERE source_id = $1)
         UPDATE import_sources SET finished_at = now() WHERE source_id = $1",
        id.0,
    );
    query.execute(connection).await?;
    Ok(())
}
