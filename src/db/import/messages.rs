//! Messages of an import, and the table `imported_messages`.

use std::collections::HashSet;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::ImportId;
use crate::{
    db::{bulk::copy, error::Error, messages::AUTHOR_KEY},
    domain::UserId,
};

/// A message to insert.
#[derive(Debug)]
pub struct NewMessage {
    /// The old id.
    pub old_id: String,
    /// The author.
    pub author: UserId,
    /// The text, of any length, without U+0000.
    pub text: String,
    /// When it was published.
    pub published_at: OffsetDateTime,
    /// Whether it is hidden.
    pub flagged: bool,
}

/// The failure of an insertion of messages.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// An author was deleted since the import of users.
    #[error("an author was deleted in the meantime")]
    AuthorDeleted,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Returns the old ids among these whose messages were imported.
pub async fn imported(
    connection: &mut PgConnection,
    import: ImportId,
    old_ids: &[&str],
) -> Result<HashSet<String>, Error> {
    let query = sqlx::query_scalar!(
        "SELECT old_id FROM imported_messages WHERE source_id = $1 AND old_id = ANY ($2)",
        import.0,
        old_ids as &[&str],
    );
    Ok(query.fetch_all(connection).await?.into_iter().collect())
}

/// Whether a message of this source was imported.
pub async fn any_imported(connection: &mut PgConnection, import: ImportId) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM imported_messages WHERE source_id = $1) AS "any!""#,
        import.0,
    );
    Ok(query.fetch_one(connection).await?)
}

/// Inserts messages and their old ids.
pub async fn insert(
    connection: &mut PgConnection,
    import: ImportId,
    messages: &[NewMessage],
) -> Result<(), InsertError> {
    let new_ids = reserve(connection, messages.len()).await?;
    let rows = || new_ids.iter().zip(messages);
    let table = ("messages", "message_id, author_id, text, published_at, flagged, imported");
    let copied = copy(connection, table, rows(), |row, (id, message)| {
        row.number(*id).number(message.author.0).text(&message.text);
        row.time(message.published_at).flag(message.flagged).flag(true).end();
    });
    match copied.await.map_err(Error::from) {
        Err(error) if error.violates_foreign_key(AUTHOR_KEY) => {
            return Err(InsertError::AuthorDeleted);
        }
        result => result?,
    }
    let table = ("imported_messages", "source_id, old_id, message_id");
    let copied = copy(connection, table, rows(), |row, (id, message)| {
        row.number(import.0.into()).text(&message.old_id).number(*id).end();
    });
    Ok(copied.await.map_err(Error::from)?)
}

async fn reserve(connection: &mut PgConnection, count: usize) -> Result<Vec<i64>, Error> {
    // PostgreSQL looks the sequence up once, and not for each id.
    let query = sqlx::query_scalar!(
        r#"WITH sequence AS MATERIALIZED (
               SELECT pg_get_serial_sequence('messages', 'message_id')::regclass AS name)
           SELECT COALESCE(array_agg(nextval(name)), '{}') AS "ids!"
           FROM sequence, generate_series(1, $1::bigint)"#,
        count as i64,
    );
    Ok(query.fetch_one(connection).await?)
}
