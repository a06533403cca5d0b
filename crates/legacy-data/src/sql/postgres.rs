//! A PostgreSQL database.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, mpsc},
    thread,
};

use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::runtime;

use super::{
    column::Column,
    rows,
    schema::{self, Found, quote},
};
use crate::{
    error::{Cause, Error, Place, Position},
    layout::Fields,
    record::Table,
    source::{Progress, Records, Source, Unit},
};

/// The tables that an unqualified name finds, with the base type of each column.
const COLUMNS: &str = "
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relname::text, a.attname::text,
           coalesce(base.typname, own.typname)::text
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type own ON own.oid = a.atttypid
      LEFT JOIN pg_type base ON base.oid = own.typbasetype
     WHERE c.relkind IN ('r', 'p', 'f') AND pg_table_is_visible(c.oid) AND n.nspname NOT LIKE 'pg\\_%'
     ORDER BY c.oid, a.attnum";
/// A transaction that sees one state of the database, however long it takes.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Takes an advisory lock until the transaction ends. Its key is derived from the snapshot, whose name is
/// unique on the server, and from the time.
const LOCK: &str = "
    SELECT key FROM (SELECT hashtextextended($1 || clock_timestamp()::text, 0) AS key OFFSET 0) AS keys,
                    LATERAL pg_advisory_xact_lock(key)";

/// A table: how to read it, and how to decode its columns.
#[derive(Clone)]
struct Readable {
    found: Found,
    /// The quoted name with its schema.
    qualified: String,
    columns: Vec<Column>,
}

/// An error without the line number of PostgreSQL's source code, which the driver appends.
#[derive(Debug)]
struct Failed(sqlx::Error);

impl std::error::Error for Failed {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            sqlx::Error::Database(error) => f.write_str(error.message()),
            other => write!(f, "{other}"),
        }
    }
}

/// A database, read in the snapshot that existed when it was opened.
pub(crate) struct Postgres {
    options: PgConnectOptions,
    name: Arc<Path>,
    readable: Vec<Readable>,
    tables: Vec<Table>,
    snapshot: String,
    lock: i64,
    /// Dropping it ends the transaction that keeps the snapshot.
    _keep: mpsc::Sender<()>,
}

/// What the thread that keeps the snapshot reports.
type Opened = Result<(String, i64, Vec<Readable>), Error>;

/// Connects to a database and finds its tables.
pub(crate) fn open(url: &str) -> Result<Postgres, Error> {
    // The URL is not shown: it may contain a password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| Error::database(Path::new("PostgreSQL"), Place::File, error))?;
    let options = options.application_name("minitwit import").options([
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("default_transaction_read_only", "on"),
    ]);
    let database = options.get_database().unwrap_or(options.get_username());
    let name: Arc<Path> =
        PathBuf::from(format!("database {database} at {}", options.get_host())).into();
    let (opened_sender, opened) = mpsc::channel();
    let (keep, dropped) = mpsc::channel();
    let (thread_options, thread_name) = (options.clone(), Arc::clone(&name));
    let started = thread::Builder::new().name("legacy-snapshot".to_owned()).spawn(move || {
        keep_snapshot(&thread_options, &thread_name, &opened_sender, &dropped);
    });
    started.map_err(|error| Error::file(&name, Cause::Io(error)))?;
    let ended = || Error::file(&name, Cause::Unknown("the reader failed".to_owned()));
    let (snapshot, lock, readable) = opened.recv().map_err(|_| ended())??;
    let tables = readable.iter().map(|readable| readable.found.table).collect();
    Ok(Postgres { options, name, readable, tables, snapshot, lock, _keep: keep })
}

/// Opens a transaction, reports its snapshot and keeps it until the source is dropped.
fn keep_snapshot(
    options: &PgConnectOptions,
    name: &Path,
    opened: &mpsc::Sender<Opened>,
    dropped: &mpsc::Receiver<()>,
) {
    let work = async {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(BEGIN).execute(&mut connection).await?;
        let snapshot: String =
            sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut connection).await?;
        let lock: i64 = sqlx::query_scalar(LOCK).bind(&snapshot).fetch_one(&mut connection).await?;
        let columns = sqlx::query_as(COLUMNS).fetch_all(&mut connection).await?;
        Ok((connection, (snapshot, lock), columns))
    };
    let outcome = block_on(name, work).and_then(|((connection, kept, columns), runtime)| {
        Ok((connection, runtime, kept, readable(name, columns)?))
    });
    match outcome {
        Ok((connection, runtime, (snapshot, lock), readable)) => {
            // The receiver waits in `open`.
            let _ = opened.send(Ok((snapshot, lock, readable)));
            // Nothing is ever sent: the error means that the source is dropped.
            let _ = dropped.recv();
            let _ = runtime.block_on(connection.close());
        }
        Err(error) => drop(opened.send(Err(error))),
    }
}

/// Runs a future in a runtime of this thread, which the caller may continue to use.
fn block_on<T>(
    name: &Path,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<(T, runtime::Runtime), Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::file(name, Cause::Io(error)))?;
    let outcome = runtime
        .block_on(work)
        .map_err(|error| Error::database(name, Place::File, Failed(error)))?;
    Ok((outcome, runtime))
}

fn readable(
    name: &Path,
    columns: Vec<(String, String, String, String)>,
) -> Result<Vec<Readable>, Error> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for (_, table, column, _) in &columns {
        match all.last_mut() {
            Some((last, columns)) if last == table => columns.push(column.clone()),
            _ => all.push((table.clone(), vec![column.clone()])),
        }
    }
    let found = schema::find(&all).map_err(|(first, second)| {
        Error::file(
            name,
            Cause::Unknown(format!(
                "the tables {first} and {second} are of the same kind; rename one"
            )),
        )
    })?;
    if found.is_empty() {
        let expected = "no schema of the search path has a table user, message or follower with the columns of MiniTwit";
        return Err(Error::file(name, Cause::Unknown(expected.to_owned())));
    }
    let readable = found.into_iter().filter_map(|found| {
        let of_table = || columns.iter().filter(|(_, table, ..)| *table == found.name);
        let qualified = of_table().next()?.0.clone();
        let decoders = found.columns.iter().filter_map(|(_, wanted)| {
            let (.., kind) = of_table().find(|(_, _, column, _)| column == wanted)?;
            Some(Column::of_type(kind))
        });
        Some(Readable { columns: decoders.collect(), qualified, found })
    });
    Ok(readable.collect())
}

impl Source for Postgres {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn unit(&self) -> Unit {
        Unit::Rows
    }

    fn advisory_lock(&self) -> Option<i64> {
        Some(self.lock)
    }

    fn read_with(&self, table: Table, progress: Arc<Progress>) -> Result<Records, Error> {
        let Some(readable) =
            self.readable.iter().find(|readable| readable.found.table == table).cloned()
        else {
            return Ok(Box::new(std::iter::empty()));
        };
        let (options, name, snapshot) =
            (self.options.clone(), Arc::clone(&self.name), self.snapshot.clone());
        Ok(rows::spawn(move |batch| {
            let mut row = 0;
            let table = readable.found.table.name();
            let work = read(&options, &snapshot, &readable, &progress, |values| {
                let position =
                    Position { file: Arc::clone(&name), place: Place::Row { table, row } };
                row += 1;
                batch.push(values.into_record(position))
            });
            let outcome = block_on(&name, work);
            outcome.map(|_| ()).map_err(|error| Error { place: Place::Row { table, row }, ..error })
        }))
    }
}

/// Streams a table. The socket's buffers bound the rows that the server sends ahead.
async fn read(
    options: &PgConnectOptions,
    snapshot: &str,
    readable: &Readable,
    progress: &Progress,
    mut push: impl FnMut(Fields) -> bool,
) -> Result<(), sqlx::Error> {
    let mut connection = begin(options, snapshot).await?;
    progress.begin(about(&mut connection, &readable.qualified).await?);
    let columns = readable.found.columns.iter().zip(&readable.columns);
    let columns: Vec<_> =
        columns.map(|((_, name), column)| column.expression(&quote(name))).collect();
    let query = format!("SELECT {} FROM {}", columns.join(", "), readable.qualified);
    let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(&mut connection);
    while let Some(row) = rows.try_next().await? {
        progress.advance(1);
        if !push(fields(readable, &row)?) {
            break;
        }
    }
    Ok(())
}

async fn begin(options: &PgConnectOptions, snapshot: &str) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    // The server wrote the identifier; it has hexadecimal digits and hyphens.
    let snapshot = snapshot.replace('\'', "''");
    let begin = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{snapshot}'");
    sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut connection).await?;
    Ok(connection)
}

/// About how many rows a table has, from the server's statistics.
async fn about(connection: &mut PgConnection, qualified: &str) -> Result<u64, sqlx::Error> {
    let query = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = $1::regclass";
    let rows: i64 = sqlx::query_scalar(query).bind(qualified).fetch_one(connection).await?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn fields(readable: &Readable, row: &PgRow) -> Result<Fields, sqlx::Error> {
    let mut fields = Fields::new(readable.found.table);
    for (index, (column, (field, _))) in
        readable.columns.iter().zip(&readable.found.columns).enumerate()
    {
        fields.set(*field, column.value(&row.try_get_raw(index)?));
    }
    Ok(fields)
}
