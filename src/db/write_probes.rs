//! The table `write_probes`: checks that the database accepts writes.

use super::{error::Error, pool::Database};

const PADDING: i32 = 1;
/// More than the free space in the pages of the table, so the value needs new space on the disk.
const PADDING_AFTER_FULL_DISK: i32 = 256 * 1024;

/// Writes and commits a row. After a statement failed because the disk was full, the row is large,
/// until one is written: a small row may fit into existing pages although posts fail.
///
/// Returns an error if the database does not accept writes.
pub async fn write(database: &Database) -> Result<(), Error> {
    let padding = if database.disk_was_full() { PADDING_AFTER_FULL_DISK } else { PADDING };
    let query =
        sqlx::query!("INSERT INTO write_probes (padding) VALUES (repeat('x', $1))", padding);
    database.execute(query).await?;
    if padding == PADDING_AFTER_FULL_DISK {
        database.clear_disk_was_full();
    }
    Ok(())
}
