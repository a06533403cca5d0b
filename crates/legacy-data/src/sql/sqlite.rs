//! An SQLite file.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use super::{
    rows::{self, Batch},
    schema::{self, Found, quote},
    sqlite_file,
};
use crate::{
    error::{Cause, Error, Place, Position},
    layout::Fields,
    record::{Table, Value},
    source::{Progress, Records, Source, Unit},
    text::text_value,
};

/// A database file whose tables are read by a connection each.
pub(crate) struct Sqlite {
    file: Arc<Path>,
    uri: String,
    found: Vec<Found>,
    tables: Vec<Table>,
    /// Holds a read transaction: in rollback mode, no other program can commit between two reads.
    _transaction: Mutex<Connection>,
}

/// Opens a file and finds its tables.
pub(crate) fn open(path: &Path) -> Result<Sqlite, Error> {
    let uri = sqlite_file::uri(path)?;
    let fail = |error| sqlite_file::open_error(path, error);
    let connection = connect(&uri).map_err(fail)?;
    // `BEGIN` alone reads nothing and takes no lock.
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(fail)?;
    sqlite_file::check(path, &connection)?;
    let all = tables(&connection).map_err(fail)?;
    let found = schema::find(&all).map_err(|(first, second)| {
        Error::file(
            path,
            Cause::Unknown(format!(
                "the tables {first} and {second} are of the same kind; rename one"
            )),
        )
    })?;
    if found.is_empty() {
        let expected = "it has no table user, message or follower with the columns of MiniTwit";
        return Err(Error::file(path, Cause::Unknown(expected.to_owned())));
    }
    let tables = found.iter().map(|found| found.table).collect();
    Ok(Sqlite { file: path.into(), uri, found, tables, _transaction: Mutex::new(connection) })
}

fn connect(uri: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    // The file may come from anyone: no function of its schema runs, and damaged pages are recognized.
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0",
    )?;
    Ok(connection)
}

/// The ordinary tables of the database with their columns.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, Vec<String>)>> {
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let query = format!("PRAGMA table_info({})", quote(&name));
        let columns = connection
            .prepare(&query)?
            .query_map([], |row| row.get(1))?
            .collect::<rusqlite::Result<_>>()?;
        tables.push((name, columns));
    }
    Ok(tables)
}

impl Source for Sqlite {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn unit(&self) -> Unit {
        Unit::Rows
    }

    fn read_with(&self, table: Table, progress: Arc<Progress>) -> Result<Records, Error> {
        let Some(found) = self.found.iter().find(|found| found.table == table).cloned() else {
            return Ok(Box::new(std::iter::empty()));
        };
        let (file, uri) = (Arc::clone(&self.file), self.uri.clone());
        Ok(rows::spawn(move |batch| read(&file, &uri, &found, &progress, batch)))
    }
}

/// Reads all rows of a table into batches.
fn read(
    file: &Arc<Path>,
    uri: &str,
    found: &Found,
    progress: &Progress,
    batch: &mut Batch,
) -> Result<(), Error> {
    let mut row_number = 0;
    let outcome = (|| -> rusqlite::Result<bool> {
        let connection = connect(uri)?;
        progress.begin(about(&connection, found)?);
        let bound = most_rows(&connection)?;
        let mut statement = connection.prepare(&found.select())?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut fields = Fields::new(found.table);
            for (column, (field, _)) in found.columns.iter().enumerate() {
                fields.set(*field, value(row.get_ref(column)?));
            }
            let place = Place::Row { table: found.table.name(), row: row_number };
            if !batch.push(fields.into_record(Position { file: Arc::clone(file), place })) {
                return Ok(true);
            }
            progress.advance(1);
            row_number += 1;
            if row_number > bound {
                return Ok(false);
            }
        }
        Ok(true)
    })();
    let place = Place::Row { table: found.table.name(), row: row_number };
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error {
            file: file.to_path_buf(),
            place,
            cause: Cause::Damaged("the table has more rows than the file can hold".to_owned()),
        }),
        Err(error) => Err(Error::database(file, place, error)),
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Double(value),
        ValueRef::Text(bytes) => text_value(bytes),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// About how many rows a table has. `count(*)` would read the whole table.
fn about(connection: &Connection, found: &Found) -> rusqlite::Result<u64> {
    let highest: rusqlite::Result<Option<i64>> = connection.query_row(
        &format!("SELECT max(rowid) FROM {}", quote(&found.name)),
        [],
        |row| row.get(0),
    );
    // A table WITHOUT ROWID has no such number.
    let highest = u64::try_from(highest.unwrap_or(None).unwrap_or(0)).unwrap_or(0);
    Ok(highest.min(most_rows(connection)? / 8))
}

/// A bound of rows: damaged pages can refer to each other, so that a table has rows without end.
fn most_rows(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
    };
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    // A row takes at least four bytes.
    Ok(u64::try_from(bytes).unwrap_or(0) / 4)
}
