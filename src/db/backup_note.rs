//! What a database contained at one moment: a key and checksums of each row of the tables whose rows
//! are kept for long. A drill compares them with a restored copy.
//!
//! The statements are built at run time, because COPY has no parameters, so sqlx's checked macros do
//! not apply.

use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::Error;

/// A table whose rows are noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotedTable {
    /// Users.
    Users,
    /// Messages.
    Messages,
    /// Follows.
    Follows,
    /// Bearer tokens.
    ApiTokens,
}

impl NotedTable {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Users, Self::Messages, Self::Follows, Self::ApiTokens];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Messages => "messages",
            Self::Follows => "follows",
            Self::ApiTokens => "api_tokens",
        }
    }

    /// The key of each row; the checksum of the columns that never change; the checksum of the text,
    /// which an edit changes; and the time of the last edit.
    const fn rows(self) -> &'static str {
        match self {
            Self::Users => {
                "SELECT user_id::text AS key,
                        hashtextextended(concat_ws(E'\\x1f', extract(epoch FROM created_at),
                                                   username), 0) AS fixed,
                        0::bigint AS content, NULL::timestamptz AS edited_at FROM users"
            }
            Self::Messages => {
                "SELECT message_id::text AS key,
                        hashtextextended(concat_ws(E'\\x1f', author_id,
                                                   extract(epoch FROM published_at)), 0) AS fixed,
                        hashtextextended(text, 0) AS content, edited_at FROM messages"
            }
            Self::Follows => {
                "SELECT follower_id || ' ' || followee_id AS key,
                        hashtextextended(extract(epoch FROM created_at)::text, 0) AS fixed,
                        0::bigint AS content, NULL::timestamptz AS edited_at FROM follows"
            }
            Self::ApiTokens => {
                "SELECT token_id::text AS key,
                        hashtextextended(concat_ws(E'\\x1f', user_id, encode(token_hash, 'hex'),
                                                   extract(epoch FROM created_at)), 0) AS fixed,
                        0::bigint AS content, NULL::timestamptz AS edited_at FROM api_tokens"
            }
        }
    }
}

/// Begins a transaction in which all tables are seen as they are now. Returns its snapshot and the
/// time in seconds of Unix time.
pub async fn begin(connection: &mut PgConnection) -> Result<(String, f64), Error> {
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let query = "SELECT pg_current_snapshot()::text, extract(epoch FROM clock_timestamp())::float8";
    let row = connection.fetch_one(query).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Ends the transaction.
pub async fn end(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("COMMIT").await?;
    Ok(())
}

/// Passes the lines of a table to `write`, in pieces: key and both checksums.
///
/// Returns the error of `write`, or that of the database.
pub async fn copy_out<E: From<Error>>(
    connection: &mut PgConnection,
    table: NotedTable,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let query =
        format!("COPY (SELECT key, fixed, content FROM ({}) AS rows) TO STDOUT", table.rows());
    let mut pieces = connection.copy_out_raw(&query).await.map_err(Error::from)?;
    while let Some(piece) = pieces.next().await {
        write(&piece.map_err(Error::from)?)?;
    }
    Ok(())
}

/// How a table of a restored copy differs from its note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The number of rows in the note.
    pub noted: i64,
    /// The number of rows of the note that the copy lacks.
    pub missing: i64,
    /// Some missing rows.
    pub missing_rows: Vec<MissingRow>,
    /// The keys of some rows whose columns changed although they never change, or whose text changed
    /// without an edit.
    pub changed_keys: Vec<String>,
}

/// A row of a note that a copy lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRow {
    /// The key.
    pub key: String,
    /// The checksum of the columns that never change.
    fixed: i64,
}

/// The most rows in a list.
const LISTED: i64 = 1_000;

/// Reads the noted lines of a table from `read`, which returns an empty piece at the end, and compares
/// them with its rows. `noted_at` is the time of the note, in seconds of Unix time.
///
/// Returns the error of `read`, or that of the database.
pub async fn compare<E: From<Error>>(
    connection: &mut PgConnection,
    table: NotedTable,
    noted_at: f64,
    mut read: impl FnMut() -> Result<Vec<u8>, E>,
) -> Result<Difference, E> {
    let create = "DROP TABLE IF EXISTS noted;
        CREATE TEMP TABLE noted (key text NOT NULL, fixed bigint NOT NULL, content bigint NOT NULL)";
    connection.execute(create).await.map_err(Error::from)?;
    let mut copy = connection.copy_in_raw("COPY noted FROM STDIN").await.map_err(Error::from)?;
    loop {
        let piece = match read() {
            Ok(piece) => piece,
            Err(error) => {
                copy.abort("the note cannot be read").await.map_err(Error::from)?;
                return Err(error);
            }
        };
        if piece.is_empty() {
            break;
        }
        copy.send(piece).await.map_err(Error::from)?;
    }
    copy.finish().await.map_err(Error::from)?;
    Ok(difference(connection, table, noted_at).await?)
}

async fn difference(
    connection: &mut PgConnection,
    table: NotedTable,
    noted_at: f64,
) -> Result<Difference, Error> {
    connection.execute("ANALYZE noted").await?;
    let rows = table.rows();
    let query = format!(
        "WITH compared AS (
            SELECT noted.key, noted.fixed, rows.key IS NULL AS missing,
                   rows.fixed <> noted.fixed OR (rows.content <> noted.content
                       AND COALESCE(extract(epoch FROM rows.edited_at) <= $1, true)) AS changed
            FROM noted LEFT JOIN ({rows}) AS rows USING (key))
         SELECT count(*), count(*) FILTER (WHERE missing),
                COALESCE((array_agg(key) FILTER (WHERE missing))[:{LISTED}], '{{}}'),
                COALESCE((array_agg(fixed) FILTER (WHERE missing))[:{LISTED}], '{{}}'),
                COALESCE((array_agg(key) FILTER (WHERE changed))[:{LISTED}], '{{}}')
         FROM compared"
    );
    let row = sqlx::query(AssertSqlSafe(query)).bind(noted_at).fetch_one(connection).await?;
    let (keys, checksums): (Vec<String>, Vec<i64>) = (row.try_get(2)?, row.try_get(3)?);
    let missing_rows = keys.into_iter().zip(checksums);
    Ok(Difference {
        noted: row.try_get(0)?,
        missing: row.try_get(1)?,
        missing_rows: missing_rows.map(|(key, fixed)| MissingRow { key, fixed }).collect(),
        changed_keys: row.try_get(4)?,
    })
}

/// The keys of those of these rows that the table has.
pub async fn existing(
    connection: &mut PgConnection,
    table: NotedTable,
    missing: &[MissingRow],
) -> Result<Vec<String>, Error> {
    let query = format!(
        "SELECT key FROM ({}) AS rows JOIN unnest($1::text[], $2::bigint[]) AS missing (key, fixed)
             USING (key, fixed)",
        table.rows()
    );
    let keys: Vec<&str> = missing.iter().map(|row| row.key.as_str()).collect();
    let checksums: Vec<i64> = missing.iter().map(|row| row.fixed).collect();
    let found = sqlx::query_scalar(AssertSqlSafe(query)).bind(keys).bind(checksums);
    Ok(found.fetch(connection).try_collect().await?)
}
