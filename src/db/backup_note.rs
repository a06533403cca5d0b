//! What a database contained at one moment: a key and checksums of each row. A drill compares them with
//! a restored copy.
//!
//! Each row has a version: the number of the transaction that wrote it. A restore copies it unchanged,
//! so a row of the same version has the same values, and only a later transaction explains another one.
//!
//! The statements are built at run time, because COPY has no parameters, so sqlx's checked macros do
//! not apply.

use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::Error;

/// A table whose rows are noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedTable {
    /// The name.
    pub name: &'static str,
    /// Expressions that identify a row together.
    key: &'static str,
    /// Expressions that no statement of the program changes.
    fixed: &'static str,
    /// Expressions that an update may change. A row of the same version has the same values.
    variable: &'static str,
}

const fn table(
    name: &'static str,
    key: &'static str,
    fixed: &'static str,
    variable: &'static str,
) -> NotedTable {
    NotedTable { name, key, fixed, variable }
}

/// All tables whose rows are noted: those of which a loss or damage could not be repaired from others.
pub const NOTED_TABLES: [NotedTable; 15] = [
    table(
        "users",
        "user_id",
        "username, extract(epoch FROM created_at)",
        "imported, email, password_hash, password_scheme, display_name, bio, extract(epoch FROM disabled_at),
         extract(epoch FROM password_renewed_at)",
    ),
    table(
        "messages",
        "message_id",
        "author_id, extract(epoch FROM published_at), parent_id, parent_author_id",
        "imported, text, flagged, extract(epoch FROM edited_at)",
    ),
    // A user can follow another one again, and use a key again once it has expired.
    table("follows", "follower_id, followee_id, extract(epoch FROM created_at)", "''", "''"),
    table(
        "sessions",
        "encode(token_hash, 'hex')",
        "user_id, extract(epoch FROM created_at)",
        "extract(epoch FROM expires_at)",
    ),
    table(
        "known_clients",
        "user_id, encode(client_hash, 'hex')",
        "''",
        "extract(epoch FROM last_sign_in)",
    ),
    table(
        "api_tokens",
        "token_id",
        "user_id, token_hash, name, scopes, extract(epoch FROM created_at),
         extract(epoch FROM expires_at)",
        "extract(epoch FROM last_used_at)",
    ),
    table(
        "idempotency_keys",
        "user_id, key, message_id",
        "text, request_hash, extract(epoch FROM published_at)",
        "''",
    ),
    table("instance", "only_row", "name, extract(epoch FROM created_at)", "''"),
    table(
        "import_sources",
        "source_id",
        "name, system",
        "extract(epoch FROM started_at), extract(epoch FROM finished_at)",
    ),
    table("imported_users", "source_id, old_id", "user_id", "''"),
    table("imported_messages", "source_id, old_id", "message_id", "''"),
    table("imported_follows", "source_id, follower_id, followee_id", "''", "''"),
    table("import_passwords", "source_id, old_id", "password_hash", "''"),
    table("program_compatibility", "migration", "oldest_program", "''"),
    table("refinery_schema_history", "version", "name, applied_on, checksum", "''"),
];

/// The tables without a note, with the reason.
pub const UNNOTED_TABLES: [(&str, &str); 7] = [
    ("publication_floor", "one row that only deletions change, and whose value only grows"),
    ("search_blocks", "built from messages, and built again at any time"),
    ("search_late", "messages that wait for a block"),
    ("simulator_latest", "changes with each command of the simulator"),
    ("user_count_changes", "rows that live for less than a second"),
    ("user_counts", "changes with each message and follow, from which it follows"),
    ("write_probes", "one row that each readiness check replaces"),
];

impl NotedTable {
    /// The key of each row; the checksum of the columns that never change; that of the others; and
    /// the number of the transaction that wrote the row's version.
    fn rows(self) -> String {
        let Self { name, key, fixed, variable } = self;
        // The text of a row tells NULL from an empty text, and each value from the next.
        format!(
            "SELECT concat_ws(' ', {key}) AS key, hashtextextended(ROW({fixed})::text, 0) AS fixed,
                    hashtextextended(ROW({variable})::text, 0) AS variable,
                    xmin::text::bigint AS version FROM {name}"
        )
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

/// Passes the lines of a table to `write`, in pieces: key, both checksums, and version.
///
/// Returns the error of `write`, or that of the database.
pub async fn copy_out<E: From<Error>>(
    connection: &mut PgConnection,
    table: NotedTable,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let query = format!("COPY ({}) TO STDOUT", table.rows());
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
    /// The number of rows that later transactions changed, as they may.
    pub changed: i64,
    /// The keys of some of them.
    pub changed_keys: Vec<String>,
    /// The keys of some rows that no transaction explains: columns that never change differ, or a row
    /// has the noted version and other values, or an older version.
    pub damaged_keys: Vec<String>,
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
/// them with its rows. `snapshot` is that of the note.
///
/// Returns the error of `read`, or that of the database.
pub async fn compare<E: From<Error>>(
    connection: &mut PgConnection,
    table: NotedTable,
    snapshot: &str,
    mut read: impl FnMut() -> Result<Vec<u8>, E>,
) -> Result<Difference, E> {
    let create = "DROP TABLE IF EXISTS noted;
        CREATE TEMP TABLE noted (key text NOT NULL, fixed bigint NOT NULL, variable bigint NOT NULL,
                                 version bigint NOT NULL)";
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
    Ok(difference(connection, table, snapshot).await?)
}

/// Whether the snapshot $1 sees the transaction of a row's version. A version has the low 32 bits of
/// the transaction's number, which is at most 2^31 from the end of the snapshot.
const SEEN: &str = "pg_visible_in_snapshot(
    GREATEST(0, snapshot_end - 2147483648
                + ((rows.version - snapshot_end) % 4294967296 + 6442450944) % 4294967296)::text::xid8,
    $1::text::pg_snapshot)";

async fn difference(
    connection: &mut PgConnection,
    table: NotedTable,
    snapshot: &str,
) -> Result<Difference, Error> {
    connection.execute("ANALYZE noted").await?;
    let rows = table.rows();
    let listed = |condition: &str, column: &str| {
        format!("COALESCE((array_agg({column}) FILTER (WHERE {condition}))[:{LISTED}], '{{}}')")
    };
    let query = format!(
        "WITH compared AS (
            SELECT noted.key, noted.fixed, rows.key IS NULL AS missing,
                   rows.version <> noted.version AND rows.variable <> noted.variable AS changed,
                   rows.fixed <> noted.fixed
                       OR (rows.version = noted.version AND rows.variable <> noted.variable)
                       OR (rows.version <> noted.version AND {SEEN}) AS damaged
            FROM noted LEFT JOIN ({rows}) AS rows USING (key)
            CROSS JOIN (SELECT pg_snapshot_xmax($1::text::pg_snapshot)::text::bigint) AS s (snapshot_end))
         SELECT count(*), count(*) FILTER (WHERE missing), {}, {},
                count(*) FILTER (WHERE changed AND NOT damaged), {}, {}
         FROM compared",
        listed("missing", "key"),
        listed("missing", "fixed"),
        listed("changed AND NOT damaged", "key"),
        listed("damaged", "key"),
    );
    let row = sqlx::query(AssertSqlSafe(query)).bind(snapshot).fetch_one(connection).await?;
    let (keys, checksums): (Vec<String>, Vec<i64>) = (row.try_get(2)?, row.try_get(3)?);
    let missing_rows = keys.into_iter().zip(checksums);
    Ok(Difference {
        noted: row.try_get(0)?,
        missing: row.try_get(1)?,
        missing_rows: missing_rows.map(|(key, fixed)| MissingRow { key, fixed }).collect(),
        changed: row.try_get(4)?,
        changed_keys: row.try_get(5)?,
        damaged_keys: row.try_get(6)?,
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
