//! The note of a backup: a key and checksums of each row, taken just before the backup.
//!
//! It lies in the directory of the cluster, so the backup contains it and a drill needs no other file.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write as _},
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Failure, database::Source};
use crate::db::{
    self, Connection, PgConnection,
    backup_note::{self, Difference, NOTED_TABLES, NotedTable},
};

/// The directory in that of the cluster.
const DIRECTORY: &str = "minitwit_note";
const SUMMARY: &str = "note.json";

/// The form of the lines. Notes of earlier programs have none.
const FORM: u32 = 3;

/// Bytes per message to PostgreSQL.
const PIECE: usize = 64 * 1024;

/// The summary of a note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    #[serde(default)]
    form: u32,
    /// When it was taken, in seconds of Unix time.
    pub(super) taken_at: f64,
    /// The snapshot of its transaction.
    snapshot: String,
    /// The number of rows and the SHA-256 of each table's file.
    tables: BTreeMap<String, (u64, String)>,
}

/// Writes the note of the database whose cluster is in `pgdata`. It replaces an earlier one.
pub(super) fn write(source: &Source, pgdata: &Path) -> Result<(), Failure> {
    let directory = pgdata.join(DIRECTORY);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir(&directory)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let note = runtime.block_on(async {
        let mut connection = source.connect().await?;
        let stop = source.waits().stop();
        let note = stop.interrupt(write_tables(&mut connection, &directory)).await?;
        connection.close().await?;
        Ok::<_, Failure>(note)
    })?;
    // The summary is last: without it there is no note.
    fs::write(directory.join(SUMMARY), serde_json::to_vec_pretty(&note)?)?;
    give_to_owner_of(pgdata, &directory)
}

async fn write_tables(connection: &mut PgConnection, directory: &Path) -> Result<Note, Failure> {
    let (snapshot, taken_at) = backup_note::begin(connection).await?;
    let mut tables = BTreeMap::new();
    for table in NOTED_TABLES {
        let mut file = GzEncoder::new(File::create(path(directory, table))?, Compression::fast());
        let (mut rows, mut hash) = (0, Sha256::new());
        backup_note::copy_out(connection, table, |piece| {
            rows += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
            hash.update(piece);
            Ok::<_, NoteError>(file.write_all(piece)?)
        })
        .await?;
        file.finish()?;
        tables.insert(table.name.to_owned(), (rows, hex(hash)));
    }
    backup_note::end(connection).await?;
    Ok(Note { form: FORM, taken_at, snapshot, tables })
}

/// A failure to write or read a note.
#[derive(Debug, thiserror::Error)]
enum NoteError {
    #[error("cannot read or write the note of the backup")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("the note of the table {0} is damaged")]
    Damaged(&'static str),
    #[error(
        "an earlier program made the backup and its note; make a new one with `minitwit backup`"
    )]
    OtherForm,
}

fn path(directory: &Path, table: NotedTable) -> PathBuf {
    directory.join(format!("{}.tsv.gz", table.name))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// pgBackRest reads the files as the account of the database.
fn give_to_owner_of(pgdata: &Path, directory: &Path) -> Result<(), Failure> {
    let owner = fs::metadata(pgdata)?;
    for entry in fs::read_dir(directory)? {
        chown(entry?.path(), Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(chown(directory, Some(owner.uid()), Some(owner.gid()))?)
}

/// The note in a restored cluster; `None` if its backup was made without one.
pub(super) fn read(pgdata: &Path) -> Result<Option<Note>, Failure> {
    let summary = pgdata.join(DIRECTORY).join(SUMMARY);
    if !summary.exists() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&fs::read(summary)?)?))
}

/// Compares the tables of a restored database with the note in its cluster.
pub(super) async fn compare(
    connection: &mut PgConnection,
    pgdata: &Path,
    note: &Note,
) -> Result<Vec<(NotedTable, Difference)>, Failure> {
    if note.form != FORM {
        return Err(NoteError::OtherForm.into());
    }
    let mut differences = Vec::new();
    for table in NOTED_TABLES {
        let Some((_, expected)) = note.tables.get(table.name) else { continue };
        let mut file = GzDecoder::new(File::open(path(&pgdata.join(DIRECTORY), table))?);
        let mut hash = Sha256::new();
        let difference = backup_note::compare(connection, table, &note.snapshot, || {
            let mut piece = Vec::with_capacity(PIECE);
            Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
            hash.update(&piece);
            Ok::<_, NoteError>(piece)
        })
        .await?;
        if hex(hash) != *expected {
            return Err(NoteError::Damaged(table.name).into());
        }
        differences.push((table, difference));
    }
    Ok(differences)
}
