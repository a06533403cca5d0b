//! Reads an export and inserts its rows.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;

use super::{
    checksum::Checksum,
    error::Error,
    manifest::{FORMAT, MANIFEST, Manifest, Table, TableFile},
};
use crate::db::{
    self, PgConnection,
    export::{
        self as rows,
        follows::{self, FollowRow},
        messages::{self, MessageRow},
        users::{self, UserRow},
    },
};

/// The most rows per COPY. An error names their lines.
const STATEMENT_ROWS: usize = 10_000;
/// About the most bytes of their lines, so that memory stays constant.
const STATEMENT_BYTES: usize = 8 << 20;
/// Rows between two reports of the progress.
const REPORTED_ROWS: u64 = 1_000;

/// More than the longest row: a name, a bio, and a text of an older system, which may be long.
const LINE_MAX_BYTES: u64 = 64 << 20;

/// Random bytes of an unknown password.
const UNKNOWN_PASSWORD_BYTES: usize = 32;

/// An export whose files are complete and consist of rows.
#[derive(Debug)]
pub struct Export {
    directory: PathBuf,
    manifest: Manifest,
}

impl Export {
    /// Reads all files, and compares them with the manifest. Calls `begin` with the number of all rows, and
    /// `on_rows` with that of further ones.
    ///
    /// Returns an error with the file and the line if one of them is damaged.
    pub fn open(
        directory: &Path,
        begin: &dyn Fn(u64),
        on_rows: &dyn Fn(u64),
    ) -> Result<Self, Error> {
        let path = directory.join(MANIFEST);
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|source| Error::Manifest { path, source })?;
        if manifest.format != FORMAT {
            return Err(Error::Format(manifest.format));
        }
        if !manifest.files.iter().map(|file| file.table).eq(Table::ALL) {
            return Err(Error::Files);
        }
        let export = Self { directory: directory.to_owned(), manifest };
        begin(export.rows());
        for file in &export.manifest.files {
            match file.table {
                Table::Users => export.check::<UserRow>(file, on_rows)?,
                Table::Messages => export.check::<MessageRow>(file, on_rows)?,
                Table::Follows => export.check::<FollowRow>(file, on_rows)?,
            }
        }
        Ok(export)
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The number of rows of all tables.
    pub fn rows(&self) -> u64 {
        self.manifest.files.iter().map(|file| file.rows).sum()
    }

    fn lines(&self, table: Table) -> Result<Lines, Error> {
        let path = self.directory.join(table.file_name());
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        Ok(Lines {
            table,
            path,
            file: BufReader::new(Checksum::new(file)),
            line: 0,
            text: Vec::new(),
        })
    }

    fn check<T: DeserializeOwned>(
        &self,
        file: &TableFile,
        on_rows: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let mut lines = self.lines(file.table)?;
        while lines.next::<T>()?.is_some() {
            if lines.line % REPORTED_ROWS == 0 {
                on_rows(REPORTED_ROWS);
            }
        }
        on_rows(lines.line % REPORTED_ROWS);
        let rows = lines.line;
        let (bytes, sha256) = lines.file.into_inner().finish();
        for (what, expected, found) in [
            ("rows", file.rows.to_string(), rows.to_string()),
            ("bytes", file.bytes.to_string(), bytes.to_string()),
            ("as SHA-256", file.sha256.clone(), sha256),
        ] {
            if expected != found {
                return Err(Error::Damaged {
                    path: lines.path,
                    expected: format!("{expected} {what}"),
                    found,
                });
            }
        }
        Ok(())
    }
}

/// The lines of a file.
struct Lines {
    table: Table,
    path: PathBuf,
    file: BufReader<Checksum<File>>,
    /// The number of the last line, from 1.
    line: u64,
    text: Vec<u8>,
}

impl Lines {
    /// The row of the next line; `None` after the last one.
    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        self.text.clear();
        let mut limited = (&mut self.file).take(LINE_MAX_BYTES);
        let read = limited.read_until(b'\n', &mut self.text);
        if read.map_err(Error::io("read", &self.path))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        // A line without an end is longer than any row, or the file is cut.
        let row = serde_json::from_slice(&self.text).map_err(|source| Error::Line {
            path: self.path.clone(),
            line: self.line,
            table: self.table,
            source,
        })?;
        Ok(Some(row))
    }

    /// The rows of the next lines, as many as one statement inserts.
    fn batch<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, Error> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < STATEMENT_ROWS
            && bytes < STATEMENT_BYTES
            && let Some(row) = self.next()?
        {
            bytes += self.text.len();
            batch.push(row);
        }
        Ok(batch)
    }

    /// Adds the lines of a batch of this size to PostgreSQL's error.
    fn rejected(&self, rows: usize) -> impl FnOnce(db::Error) -> Error {
        let (path, last) = (self.path.clone(), self.line);
        move |source| Error::Rejected { path, first: last + 1 - rows as u64, last, source }
    }
}

/// Inserts the rows of an export, all or none, with their ids. Users without a hash get an unknown password.
/// Calls `on_rows` with the number of further rows.
///
/// Returns an error if the database contains users, messages or follows, or if PostgreSQL rejects a row.
pub async fn import(
    connection: &mut PgConnection,
    export: &Export,
    password_cost: u32,
    on_rows: &dyn Fn(u64),
) -> Result<(), Error> {
    rows::begin_import(connection).await?;
    let inserted = insert_all(connection, export, password_cost, on_rows).await;
    if inserted.is_err() {
        // The error of the rows matters more than that of the connection.
        let _ = rows::roll_back(connection).await;
        return inserted;
    }
    rows::commit_import(connection).await?;
    Ok(())
}

async fn insert_all(
    connection: &mut PgConnection,
    export: &Export,
    password_cost: u32,
    on_rows: &dyn Fn(u64),
) -> Result<(), Error> {
    if rows::any_row(connection).await? {
        return Err(Error::NotEmpty);
    }
    let unknown = (!export.manifest.password_hashes).then(|| unknown_password(password_cost));
    let unknown = unknown.transpose()?;
    let mut lines = export.lines(Table::Users)?;
    loop {
        let mut batch: Vec<UserRow> = lines.batch()?;
        if batch.is_empty() {
            break;
        }
        for row in &mut batch {
            if row.password_hash.is_none()
                && let Some(hash) = &unknown
            {
                row.password_scheme = Some("bcrypt".to_owned());
                row.password_hash = Some(hash.clone());
            }
        }
        users::insert(connection, &batch).await.map_err(lines.rejected(batch.len()))?;
        on_rows(batch.len() as u64);
    }
    let mut lines = export.lines(Table::Messages)?;
    loop {
        let batch: Vec<MessageRow> = lines.batch()?;
        if batch.is_empty() {
            break;
        }
        messages::insert(connection, &batch).await.map_err(lines.rejected(batch.len()))?;
        on_rows(batch.len() as u64);
    }
    let mut lines = export.lines(Table::Follows)?;
    loop {
        let batch: Vec<FollowRow> = lines.batch()?;
        if batch.is_empty() {
            break;
        }
        follows::insert(connection, &batch).await.map_err(lines.rejected(batch.len()))?;
        on_rows(batch.len() as u64);
    }
    Ok(())
}

/// The bcrypt hash of a random password.
fn unknown_password(cost: u32) -> Result<String, Error> {
    let password = URL_SAFE_NO_PAD.encode(rand::random::<[u8; UNKNOWN_PASSWORD_BYTES]>());
    Ok(bcrypt::hash(password, cost)?)
}
