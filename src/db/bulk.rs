//! Many rows at once, by COPY, with the secondary indexes of their tables built afterwards.
//!
//! The statements are built at run time from names of this module and definitions that PostgreSQL has
//! quoted, so sqlx's checked macros do not apply.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _, postgres::PgRow};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Error;

/// Rows per COPY, which bounds the transition table of the statement triggers.
pub(super) const STATEMENT_ROWS: usize = 100_000;
/// Bytes per message to PostgreSQL.
pub(super) const SEND_BYTES: usize = 64 * 1024;
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Rows in COPY's text format.
#[derive(Debug, Default)]
pub struct CopyText {
    buffer: String,
    in_row: bool,
}

impl CopyText {
    /// The number of bytes.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.buffer.as_bytes()
    }

    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    fn separate(&mut self) {
        if self.in_row {
            self.buffer.push('\t');
        }
        self.in_row = true;
    }

    /// Appends a text. The format escapes with backslashes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.separate();
        let mut rest = text;
        while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
            let (plain, special) = rest.split_at(at);
            self.buffer.push_str(plain);
            self.buffer.push_str(match special.as_bytes()[0] {
                b'\\' => "\\\\",
                b'\t' => "\\t",
                b'\n' => "\\n",
                _ => "\\r",
            });
            rest = &special[1..];
        }
        self.buffer.push_str(rest);
        self
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.text(&number.to_string())
    }

    pub(super) fn flag(&mut self, flag: bool) -> &mut Self {
        self.text(if flag { "t" } else { "f" })
    }

    pub(super) fn time(&mut self, time: OffsetDateTime) -> &mut Self {
        // Fails only for years beyond 9999, and COPY rejects the empty field.
        self.text(&time.format(&Rfc3339).unwrap_or_default())
    }

    /// Appends a text, or null.
    pub(super) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// Appends a time, or null.
    pub(super) fn optional_time(&mut self, time: Option<OffsetDateTime>) -> &mut Self {
        match time {
            Some(time) => self.time(time),
            None => self.null(),
        }
    }

    /// Appends a number, or null.
    pub(super) fn optional_number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    fn null(&mut self) -> &mut Self {
        self.separate();
        self.buffer.push_str("\\N");
        self
    }

    /// Ends a row.
    pub(super) fn end(&mut self) {
        self.buffer.push('\n');
        self.in_row = false;
    }
}

/// Inserts rows into a table by one COPY. `encode` appends a row; PostgreSQL reads it while the next ones are encoded.
pub(super) async fn copy<T>(
    connection: &mut PgConnection,
    (table, columns): (&str, &str),
    rows: impl IntoIterator<Item = T>,
    encode: impl Fn(&mut CopyText, T),
) -> Result<(), sqlx::Error> {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let statement = format!("COPY {table} ({columns}) FROM STDIN");
    let mut copy = connection.copy_in_raw(&statement).await?;
    let mut text = CopyText::default();
    for row in rows {
        encode(&mut text, row);
        if text.len() >= SEND_BYTES {
            copy.send(text.as_bytes()).await?;
            text.clear();
        }
    }
    copy.send(text.as_bytes()).await?;
    copy.finish().await.map(drop)
}

/// An index that does not belong to a constraint.
pub(super) struct Index {
    name: String,
    definition: String,
    /// The comment, as an SQL literal.
    comment: Option<String>,
}

/// Drops the secondary indexes of a table in the current transaction, so that rows are inserted
/// several times faster. [`create_indexes`] builds them again, compactly.
pub(super) async fn drop_indexes(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Vec<Index>, sqlx::Error> {
    let indexes = secondary_indexes(connection, table).await?;
    for index in &indexes {
        run(connection, format!("DROP INDEX {}", index.name)).await?;
    }
    Ok(indexes)
}

/// Creates dropped indexes again, with their comments.
pub(super) async fn create_indexes(
    connection: &mut PgConnection,
    indexes: &[Index],
) -> Result<(), sqlx::Error> {
    // PostgreSQL sorts in this memory when it builds an index.
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'").await?;
    for index in indexes {
        run(connection, index.definition.clone()).await?;
        if let Some(comment) = &index.comment {
            run(connection, format!("COMMENT ON INDEX {} IS {comment}", index.name)).await?;
        }
    }
    Ok(())
}

async fn secondary_indexes(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Vec<Index>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid),
                quote_literal(obj_description(indexrelid, 'pg_class'))
         FROM pg_index
         WHERE indrelid = $1::text::regclass
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
         ORDER BY indexrelid",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    let index = |row: &PgRow| {
        Ok(Index { name: row.try_get(0)?, definition: row.try_get(1)?, comment: row.try_get(2)? })
    };
    rows.iter().map(index).collect()
}

/// Whether the database contains a user.
pub async fn has_users(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM users)").fetch_one(connection).await?)
}

/// Vacuums, analyzes and checkpoints after a load, so that none of these disturbs later requests.
///
/// Skips the checkpoint if the role lacks the privilege.
pub async fn vacuum_and_checkpoint(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("VACUUM (ANALYZE) users, messages, follows, search_blocks").await?;
    match connection.execute("CHECKPOINT").await {
        Err(sqlx::Error::Database(error))
            if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) =>
        {
            Ok(())
        }
        result => Ok(result.map(drop)?),
    }
}

/// Runs a statement built from names and definitions that PostgreSQL has quoted.
pub(super) async fn run(
    connection: &mut PgConnection,
    statement: String,
) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(statement)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_separated_and_escaped() {
        let mut rows = CopyText::default();
        rows.number(-1).text("a\tb\\N\r\né").flag(true).end();
        rows.text("").end();
        rows.optional_text(None).optional_text(Some("")).optional_time(None).end();
        let expected = "-1\ta\\tb\\\\N\\r\\né\tt\n\n\\N\t\t\\N\n";
        assert_eq!(rows.as_bytes(), expected.as_bytes());
    }
}
