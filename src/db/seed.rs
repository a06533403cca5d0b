//! Loads many rows into the empty tables of a new database.
//!
//! [`load`] fills a table by COPY in one transaction. It drops the secondary indexes before the load
//! and rebuilds them afterwards: this is several times faster and leaves compact indexes. Constraints
//! and triggers stay active. The statements are built at run time, so sqlx's checked macros do not apply.

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Error, migrations};
use crate::domain::{Email, MessageText, PasswordHash, UserId, Username};

/// Rows per COPY, which bounds the transition table of the statement triggers.
const STATEMENT_ROWS: usize = 100_000;
/// Bytes per message to PostgreSQL.
const SEND_BYTES: usize = 64 * 1024;
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// A failure to load rows.
#[derive(Debug, thiserror::Error)]
pub enum SeedError<E> {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
    /// The connection failed.
    #[error(transparent)]
    Connect(#[from] migrations::Error),
    /// A generated row is invalid.
    #[error("a generated row is invalid")]
    Row(#[source] E),
}

impl<E> From<sqlx::Error> for SeedError<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A user with a given key.
#[derive(Debug)]
pub struct UserRow {
    /// The key, unused so far.
    pub id: UserId,
    /// The name, unused so far.
    pub username: Username,
    /// The e-mail address.
    pub email: Email,
    /// The password hash.
    pub password_hash: PasswordHash,
    /// When the user registered.
    pub created_at: OffsetDateTime,
}

/// A message with a given key.
#[derive(Debug)]
pub struct MessageRow {
    /// The key, unused so far.
    pub id: i64,
    /// The author.
    pub author: UserId,
    /// The text.
    pub text: MessageText,
    /// The time of publication.
    pub published_at: OffsetDateTime,
}

/// A follow.
#[derive(Debug)]
pub struct FollowRow {
    /// The follower's key.
    pub follower: UserId,
    /// The followee's key.
    pub followee: UserId,
    /// When the follow began.
    pub created_at: OffsetDateTime,
}

/// A row that [`load`] can insert.
pub trait Row {
    /// The table and its columns, as COPY names them.
    const COLUMNS: (&'static str, &'static str);
    /// The column with a sequence, if any.
    const KEY: Option<&'static str>;
    /// A trigger that is disabled during the load, if any.
    const SKIPPED_TRIGGER: Option<&'static str> = None;

    /// The row's fields, in the order of the columns.
    fn fields(&self) -> Vec<String>;
}

impl Row for UserRow {
    const COLUMNS: (&'static str, &'static str) =
        ("users", "user_id, username, email, password_hash, password_scheme, created_at");
    const KEY: Option<&'static str> = Some("user_id");

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.0.to_string(),
            self.username.as_str().to_owned(),
            self.email.as_str().to_owned(),
            self.password_hash.expose().to_owned(),
            self.password_hash.scheme().to_owned(),
            timestamp(self.created_at),
        ]
    }
}

impl Row for MessageRow {
    const COLUMNS: (&'static str, &'static str) =
        ("messages", "message_id, author_id, text, published_at");
    const KEY: Option<&'static str> = Some("message_id");
    /// The messages are indexed for search afterwards, in their order.
    const SKIPPED_TRIGGER: Option<&'static str> = Some("messages_search_inserted");

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.author.0.to_string(),
            self.text.as_str().to_owned(),
            timestamp(self.published_at),
        ]
    }
}

impl Row for FollowRow {
    const COLUMNS: (&'static str, &'static str) =
        ("follows", "follower_id, followee_id, created_at");
    const KEY: Option<&'static str> = None;

    fn fields(&self) -> Vec<String> {
        vec![self.follower.0.to_string(), self.followee.0.to_string(), timestamp(self.created_at)]
    }
}

fn timestamp(time: OffsetDateTime) -> String {
    // Fails only for years beyond 9999, and COPY rejects the empty field.
    time.format(&Rfc3339).unwrap_or_default()
}

/// Appends a row in COPY's text format, which escapes with backslashes.
fn push_row(buffer: &mut String, row: &impl Row) {
    for (index, field) in row.fields().iter().enumerate() {
        if index > 0 {
            buffer.push('\t');
        }
        for character in field.chars() {
            match character {
                '\\' => buffer.push_str("\\\\"),
                '\t' => buffer.push_str("\\t"),
                '\n' => buffer.push_str("\\n"),
                '\r' => buffer.push_str("\\r"),
                other => buffer.push(other),
            }
        }
    }
    buffer.push('\n');
}

/// Whether the database contains a user.
pub async fn has_users(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM users)").fetch_one(connection).await?)
}

/// Inserts `rows` into their table, all or none. Calls `on_sent` with the number of rows sent.
pub async fn load<R: Row, E>(
    options: &PgConnectOptions,
    rows: impl Iterator<Item = Result<R, E>>,
    on_sent: impl Fn(u64),
) -> Result<(), SeedError<E>> {
    let mut connection = migrations::connect(options).await?;
    let mut transaction = connection.begin().await?;
    // PostgreSQL sorts in this memory when it builds an index.
    transaction.execute("SET LOCAL maintenance_work_mem = '256MB'").await?;
    let (table, _) = R::COLUMNS;
    if let Some(trigger) = R::SKIPPED_TRIGGER {
        run(&mut transaction, format!("ALTER TABLE {table} DISABLE TRIGGER {trigger}")).await?;
    }
    let indexes = secondary_indexes(&mut transaction, table).await?;
    for index in &indexes {
        run(&mut transaction, format!("DROP INDEX {}", index.name)).await?;
    }
    copy(&mut transaction, rows, on_sent).await?;
    for index in &indexes {
        run(&mut transaction, index.definition.clone()).await?;
        if let Some(comment) = &index.comment {
            run(&mut transaction, format!("COMMENT ON INDEX {} IS {comment}", index.name)).await?;
        }
    }
    if let Some(trigger) = R::SKIPPED_TRIGGER {
        run(&mut transaction, format!("ALTER TABLE {table} ENABLE TRIGGER {trigger}")).await?;
    }
    if let Some(key) = R::KEY {
        let next = format!(
            "SELECT setval(sequence, GREATEST(nextval(sequence), (SELECT max({key}) FROM {table})))
             FROM CAST(pg_get_serial_sequence('{table}', '{key}') AS regclass) AS sequence"
        );
        run(&mut transaction, next).await?;
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

/// Vacuums, analyzes and checkpoints after a load, so that none of these disturbs a later
/// measurement.
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

/// An index that does not belong to a constraint.
struct Index {
    name: String,
    definition: String,
    /// The comment, as an SQL literal.
    comment: Option<String>,
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
    let index = |row: &sqlx::postgres::PgRow| {
        Ok(Index { name: row.try_get(0)?, definition: row.try_get(1)?, comment: row.try_get(2)? })
    };
    rows.iter().map(index).collect()
}

async fn copy<R: Row, E>(
    connection: &mut PgConnection,
    rows: impl Iterator<Item = Result<R, E>>,
    on_sent: impl Fn(u64),
) -> Result<(), SeedError<E>> {
    let (table, columns) = R::COLUMNS;
    let statement = format!("COPY {table} ({columns}) FROM STDIN");
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut copy = connection.copy_in_raw(&statement).await?;
        let mut buffer = String::new();
        let mut unsent = 0;
        for row in rows.by_ref().take(STATEMENT_ROWS) {
            push_row(&mut buffer, &row.map_err(SeedError::Row)?);
            unsent += 1;
            if buffer.len() > SEND_BYTES {
                copy.send(buffer.as_bytes()).await?;
                buffer.clear();
                on_sent(std::mem::take(&mut unsent));
            }
        }
        copy.send(buffer.as_bytes()).await?;
        copy.finish().await?;
        on_sent(unsent);
    }
    Ok(())
}

/// Runs a statement built from names and definitions that PostgreSQL has quoted.
async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(statement)).await.map(drop)
}
