//! Loads many rows into the empty tables of a new database.
//!
//! [`load`] fills a table by COPY in one transaction. It drops the secondary indexes before the load
//! and rebuilds them afterwards: this is several times faster and leaves compact indexes. Constraints
//! and triggers stay active.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;

pub use super::bulk::{has_users, vacuum_and_checkpoint};
use super::{
    Error,
    bulk::{CopyText, SEND_BYTES, STATEMENT_ROWS, create_indexes, drop_indexes, run},
    migrations,
};
use crate::domain::{Email, MessageText, PasswordHash, UserId, Username};

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

    /// Appends the row's fields, in the order of the columns.
    fn write(&self, rows: &mut CopyText);
}

impl Row for UserRow {
    const COLUMNS: (&'static str, &'static str) =
        ("users", "user_id, username, email, password_hash, password_scheme, created_at");
    const KEY: Option<&'static str> = Some("user_id");

    fn write(&self, rows: &mut CopyText) {
        rows.number(self.id.0).text(self.username.as_str()).text(self.email.as_str());
        rows.text(self.password_hash.expose()).text(self.password_hash.scheme());
        rows.time(self.created_at).end();
    }
}

impl Row for MessageRow {
    const COLUMNS: (&'static str, &'static str) =
        ("messages", "message_id, author_id, text, published_at");
    const KEY: Option<&'static str> = Some("message_id");
    /// The messages are indexed for search afterwards, in their order.
    const SKIPPED_TRIGGER: Option<&'static str> = Some("messages_search_inserted");

    fn write(&self, rows: &mut CopyText) {
        rows.number(self.id).number(self.author.0).text(self.text.as_str());
        rows.time(self.published_at).end();
    }
}

impl Row for FollowRow {
    const COLUMNS: (&'static str, &'static str) =
        ("follows", "follower_id, followee_id, created_at");
    const KEY: Option<&'static str> = None;

    fn write(&self, rows: &mut CopyText) {
        rows.number(self.follower.0).number(self.followee.0).time(self.created_at).end();
    }
}

/// Inserts `rows` into their table, all or none. Calls `on_sent` with the number of rows sent.
pub async fn load<R: Row, E>(
    options: &PgConnectOptions,
    rows: impl Iterator<Item = Result<R, E>>,
    on_sent: impl Fn(u64),
) -> Result<(), SeedError<E>> {
    let mut connection = migrations::connect(options).await?;
    let mut transaction = connection.begin().await?;
    let (table, _) = R::COLUMNS;
    if let Some(trigger) = R::SKIPPED_TRIGGER {
        run(&mut transaction, format!("ALTER TABLE {table} DISABLE TRIGGER {trigger}")).await?;
    }
    let indexes = drop_indexes(&mut transaction, table).await?;
    copy(&mut transaction, rows, on_sent).await?;
    create_indexes(&mut transaction, &indexes).await?;
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
        let mut buffer = CopyText::default();
        let mut unsent = 0;
        for row in rows.by_ref().take(STATEMENT_ROWS) {
            row.map_err(SeedError::Row)?.write(&mut buffer);
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
