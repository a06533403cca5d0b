//! Writes an export.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use futures_util::{Stream, StreamExt as _};
use serde::Serialize;

use super::{
    checksum::Checksum,
    error::Error,
    manifest::{FORMAT, MANIFEST, Manifest, Table, TableFile},
};
use crate::db::{
    PgConnection,
    export::{self as rows, follows, messages, users},
};

/// Rows between two reports of progress.
const REPORTED: u64 = 1_000;

/// Exports all users, messages and follows, as they are at one moment, to a new directory. Calls `on_rows` with the
/// number of further rows.
///
/// The directory has its name only once it is complete and on disk. Only its owner can read it. The memory does not
/// depend on the number of rows.
///
/// Returns an error if the directory exists.
pub async fn export(
    connection: &mut PgConnection,
    directory: &Path,
    password_hashes: bool,
    on_rows: &dyn Fn(u64),
) -> Result<Manifest, Error> {
    let unfinished = Unfinished::create(directory)?;
    rows::begin_snapshot(connection).await?;
    let result = write_all(connection, &unfinished.path, password_hashes, on_rows).await;
    // It only ends the snapshot.
    rows::roll_back(connection).await?;
    let manifest = result?;
    unfinished.complete(directory)?;
    Ok(manifest)
}

async fn write_all(
    connection: &mut PgConnection,
    directory: &Path,
    password_hashes: bool,
    on_rows: &dyn Fn(u64),
) -> Result<Manifest, Error> {
    let mut files = Vec::new();
    for table in Table::ALL {
        let file = TableWriter::create(directory, table)?;
        files.push(match table {
            Table::Users => file.write(users::read(connection, password_hashes), on_rows).await?,
            Table::Messages => file.write(messages::read(connection), on_rows).await?,
            Table::Follows => file.write(follows::read(connection), on_rows).await?,
        });
    }
    let manifest = Manifest { format: FORMAT, password_hashes, files };
    let path = directory.join(MANIFEST);
    let mut text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Error::io("write", &path)(error.into()))?;
    text.push('\n');
    let mut file = create(&path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(Error::io("write", &path))?;
    Ok(manifest)
}

/// The file of a table.
struct TableWriter {
    table: Table,
    path: PathBuf,
    file: BufWriter<Checksum<File>>,
}

impl TableWriter {
    fn create(directory: &Path, table: Table) -> Result<Self, Error> {
        let path = directory.join(table.file_name());
        let file = BufWriter::new(Checksum::new(create(&path)?));
        Ok(Self { table, path, file })
    }

    async fn write<T: Serialize>(
        mut self,
        rows: impl Stream<Item = Result<T, crate::db::Error>>,
        on_rows: &dyn Fn(u64),
    ) -> Result<TableFile, Error> {
        let mut rows = std::pin::pin!(rows);
        let mut count = 0;
        while let Some(row) = rows.next().await {
            let row = row?;
            let written = serde_json::to_writer(&mut self.file, &row).map_err(Into::into);
            let written = written.and_then(|()| self.file.write_all(b"\n"));
            written.map_err(Error::io("write", &self.path))?;
            count += 1;
            if count % REPORTED == 0 {
                on_rows(REPORTED);
            }
        }
        on_rows(count % REPORTED);
        let file = self.file.into_inner().map_err(|error| error.into_error());
        let file = file.and_then(|file| file.inner().sync_all().map(|()| file));
        let (bytes, sha256) = file.map_err(Error::io("write", &self.path))?.finish();
        Ok(TableFile { table: self.table, rows: count, bytes, sha256 })
    }
}

fn create(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(Error::io("create", path))
}

/// The directory of an export that is not complete; removed when dropped.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn create(directory: &Path) -> Result<Self, Error> {
        if directory.symlink_metadata().is_ok() {
            return Err(Error::Exists(directory.to_owned()));
        }
        let mut name = directory.as_os_str().to_owned();
        name.push(format!(".part-{:016x}", rand::random::<u64>()));
        let path = PathBuf::from(name);
        // E-mail addresses are private.
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.map_err(Error::io("create the directory", &path))?;
        Ok(Self { path })
    }

    fn complete(self, directory: &Path) -> Result<(), Error> {
        sync(&self.path)?;
        // The rename would replace an empty directory.
        if directory.symlink_metadata().is_ok() {
            return Err(Error::Exists(directory.to_owned()));
        }
        fs::rename(&self.path, directory).map_err(Error::io("rename", &self.path))?;
        let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone if the export is complete.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sync(directory: &Path) -> Result<(), Error> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(Error::io("sync", directory))
}
