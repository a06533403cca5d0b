//! Fills the empty tables of a new database, many rows a second.
//!
//! By COPY in its binary form, one table a transaction: it is loaded without its secondary indexes,
//! which are made anew at the end, several times as fast and as compact as can be. Constraints and
//! triggers do their work as always. Statements here are about tables rather than rows of a
//! request, and most are made when the program runs; the checked macros do not know such.

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
use time::{OffsetDateTime, macros::datetime};

use super::{Error, migrations};
use crate::domain::{Email, MessageText, PasswordHash, UserId, Username};

/// Rows that one COPY takes: as many as a trigger of a statement sees at once.
const STATEMENT_ROWS: usize = 100_000;
/// Bytes that are sent at once.
const SENT_BYTES: usize = 64 * 1024;
/// What every binary COPY begins with: the signature, no flags, and no extension.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const COPY_TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// From when PostgreSQL counts.
const EPOCH: OffsetDateTime = datetime!(2000-01-01 00:00 UTC);
/// SQLSTATE of what only others may do.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Why a database was not filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError<E> {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
    /// It could not be connected to.
    #[error(transparent)]
    Connect(#[from] migrations::Error),
    /// A row could not be made.
    #[error("a row cannot be made")]
    Row(#[source] E),
}

impl<E> From<sqlx::Error> for SeedError<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A user to add, under a key that is given.
#[derive(Debug)]
pub struct UserRow {
    /// The key; nobody has it yet.
    pub id: UserId,
    /// The name, which nobody has yet.
    pub username: Username,
    /// The address.
    pub email: Email,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// When the user signed up.
    pub created_at: OffsetDateTime,
}

/// A message to add, under a key that is given.
#[derive(Debug)]
pub struct MessageRow {
    /// The key; no message has it yet.
    pub id: i64,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub text: MessageText,
    /// When it was published.
    pub published_at: OffsetDateTime,
}

/// A follow to add.
#[derive(Debug)]
pub struct FollowRow {
    /// Who reads.
    pub follower: UserId,
    /// Who is read.
    pub followee: UserId,
    /// Since when.
    pub created_at: OffsetDateTime,
}

/// A row of a table that can be loaded.
pub trait Row {
    /// The table and its columns, as COPY names them.
    const COLUMNS: (&'static str, &'static str);
    /// The column whose values a sequence makes for everybody else, if there is one.
    const KEY: Option<&'static str>;

    /// Adds the row's fields, in the order of the columns.
    fn encode(&self, rows: &mut Encoder);
}

impl Row for UserRow {
    const COLUMNS: (&'static str, &'static str) =
        ("users", "user_id, username, email, password_hash, created_at");
    const KEY: Option<&'static str> = Some("user_id");

    fn encode(&self, rows: &mut Encoder) {
        rows.begin(5);
        rows.bigint(self.id.0);
        rows.text(self.username.as_str());
        rows.text(self.email.as_str());
        rows.text(self.password_hash.expose());
        rows.time(self.created_at);
    }
}

impl Row for MessageRow {
    const COLUMNS: (&'static str, &'static str) =
        ("messages", "message_id, author_id, text, published_at");
    const KEY: Option<&'static str> = Some("message_id");

    fn encode(&self, rows: &mut Encoder) {
        rows.begin(4);
        rows.bigint(self.id);
        rows.bigint(self.author.0);
        rows.text(self.text.as_str());
        rows.time(self.published_at);
    }
}

impl Row for FollowRow {
    const COLUMNS: (&'static str, &'static str) =
        ("follows", "follower_id, followee_id, created_at");
    const KEY: Option<&'static str> = None;

    fn encode(&self, rows: &mut Encoder) {
        rows.begin(3);
        rows.bigint(self.follower.0);
        rows.bigint(self.followee.0);
        rows.time(self.created_at);
    }
}

/// Rows in the binary form of COPY.
#[derive(Debug, Default)]
pub struct Encoder(Vec<u8>);

impl Encoder {
    fn begin(&mut self, fields: i16) {
        self.0.extend(fields.to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        // A field is a message at most, or a name; its length fits by far.
        self.0.extend(i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
        self.0.extend(bytes);
    }

    fn bigint(&mut self, value: i64) {
        self.field(&value.to_be_bytes());
    }

    fn text(&mut self, value: &str) {
        self.field(value.as_bytes());
    }

    fn time(&mut self, value: OffsetDateTime) {
        let micros = (value - EPOCH).whole_microseconds();
        // In microseconds, 64 bits span 292,000 years.
        self.bigint(i64::try_from(micros).unwrap_or(i64::MAX));
    }
}

/// Whether there is any user.
///
/// # Errors
/// When the database fails.
pub async fn has_users(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM users)").fetch_one(connection).await?)
}

/// Adds `rows` to their table, all or none. `loaded` is told of each that is on its way.
///
/// # Errors
/// When the database fails, or a row is an error.
pub async fn load<R: Row, E>(
    options: &PgConnectOptions,
    rows: impl Iterator<Item = Result<R, E>>,
    loaded: impl Fn(u64),
) -> Result<(), SeedError<E>> {
    let mut connection = migrations::connect(options).await?;
    let mut transaction = connection.begin().await?;
    // An index is made by sorting, in memory where there is room.
    transaction.execute("SET LOCAL maintenance_work_mem = '256MB'").await?;
    let (table, _) = R::COLUMNS;
    let indexes = secondary_indexes(&mut transaction, table).await?;
    for index in &indexes {
        run(&mut transaction, format!("DROP INDEX {}", index.name)).await?;
    }
    copy(&mut transaction, rows, loaded).await?;
    for index in &indexes {
        run(&mut transaction, index.definition.clone()).await?;
        if let Some(comment) = &index.comment {
            run(&mut transaction, format!("COMMENT ON INDEX {} IS {comment}", index.name)).await?;
        }
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

/// Has PostgreSQL tidy up after a load, and look at what it has, so that whatever is measured next
/// is not disturbed by either.
///
/// # Errors
/// When the database fails.
pub async fn settle(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("VACUUM (ANALYZE) users, messages, follows").await?;
    match connection.execute("CHECKPOINT").await {
        Err(sqlx::Error::Database(error))
            if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) =>
        {
            Ok(())
        }
        done => Ok(done.map(drop)?),
    }
}

/// An index that is no constraint's.
struct Index {
    /// Its name, quoted where that is needed.
    name: String,
    /// The statement that makes it.
    definition: String,
    /// Its comment, as a literal.
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
    loaded: impl Fn(u64),
) -> Result<(), SeedError<E>> {
    let (table, columns) = R::COLUMNS;
    let statement = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)");
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut copy = connection.copy_in_raw(&statement).await?;
        let mut buffer = Encoder(COPY_HEADER.to_vec());
        let mut unsent = 0;
        for row in rows.by_ref().take(STATEMENT_ROWS) {
            row.map_err(SeedError::Row)?.encode(&mut buffer);
            unsent += 1;
            if buffer.0.len() > SENT_BYTES {
                copy.send(buffer.0.as_slice()).await?;
                buffer.0.clear();
                loaded(std::mem::take(&mut unsent));
            }
        }
        buffer.0.extend(COPY_TRAILER);
        copy.send(buffer.0.as_slice()).await?;
        copy.finish().await?;
        loaded(unsent);
    }
    Ok(())
}

/// Runs a statement whose text is made of names and definitions that PostgreSQL itself has quoted.
async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(statement)).await.map(drop)
}
