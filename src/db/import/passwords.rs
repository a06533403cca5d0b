//! The table `import_passwords`: hashes of plain-text passwords, kept until the import ends.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::ImportId;
use crate::db::error::Error;

/// Returns the kept hashes of these old ids.
pub async fn kept(
    connection: &mut PgConnection,
    import: ImportId,
    old_ids: &[&str],
) -> Result<HashMap<String, String>, Error> {
    let query = sqlx::query!(
        "SELECT old_id, password_hash FROM import_passwords
         WHERE source_id = $1 AND old_id = ANY ($2)",
        import.0,
        old_ids as &[&str],
    );
    let rows = query.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.old_id, row.password_hash)).collect())
}

/// Keeps the bcrypt hashes of these old ids.
pub async fn keep(
    connection: &mut PgConnection,
    import: ImportId,
    old_ids: &[&str],
    hashes: &[String],
) -> Result<(), Error> {
    let query = sqlx::query!(
        "INSERT INTO import_passwords (source_id, old_id, password_hash)
         SELECT $1, old_id, password_hash
         FROM unnest($2::text[], $3::text[]) AS new (old_id, password_hash)
         ON CONFLICT DO NOTHING",
        import.0,
        old_ids as &[&str],
        hashes,
    );
    query.execute(connection).await?;
    Ok(())
}

/// Deletes the hashes of these old ids, whose users are inserted.
pub(super) async fn forget(
    connection: &mut PgConnection,
    import: ImportId,
    old_ids: &[&str],
) -> Result<(), Error> {
    let query = sqlx::query!(
        "DELETE FROM import_passwords WHERE source_id = $1 AND old_id = ANY ($2)",
        import.0,
        old_ids as &[&str],
    );
    query.execute(connection).await?;
    Ok(())
}
