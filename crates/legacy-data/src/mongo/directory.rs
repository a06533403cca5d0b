//! A directory of `mongodump` (`*.bson`, `*.bson.gz`) or `mongoexport` (`*.json`).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{collection::table, documents::Documents};
use crate::{
    error::{Cause, Error},
    input::Input,
    json::JsonDocuments,
    record::Table,
    source::{Progress, Records, Source, Unit},
};

/// The format of a collection's file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Bson,
    Json,
}

struct Collection {
    file: Arc<Path>,
    format: Format,
}

/// The files of one database's collections.
pub(crate) struct Directory {
    collections: BTreeMap<Table, Collection>,
    tables: Vec<Table>,
}

/// Finds the collections in a directory or, if it has none, in the one subdirectory that has them.
pub(crate) fn open(path: &Path) -> Result<Directory, Error> {
    let mut collections = collections(path)?;
    if collections.is_empty() {
        let mut found = Vec::new();
        for (name, entry) in entries(path)? {
            if entry.is_dir() {
                let inner = self::collections(&entry)?;
                if !inner.is_empty() {
                    found.push((name, inner));
                }
            }
        }
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            return Err(unknown(
                path,
                format!(
                    "several databases have collections of MiniTwit; name the directory of one: {names}"
                ),
            ));
        }
        collections = found.pop().map(|(_, inner)| inner).unwrap_or_default();
    }
    if collections.is_empty() {
        let expected = "it contains no users, messages or latest as .bson, .bson.gz or .json; \
                        expected a directory of mongodump or mongoexport";
        return Err(unknown(path, expected.to_owned()));
    }
    let tables = collections.keys().copied().collect();
    Ok(Directory { collections, tables })
}

fn collections(path: &Path) -> Result<BTreeMap<Table, Collection>, Error> {
    let mut found: BTreeMap<Table, Collection> = BTreeMap::new();
    for (name, file) in entries(path)? {
        let Some((table, format)) = collection(&name) else { continue };
        if file.is_dir() {
            continue;
        }
        if let Some(other) = found.get(&table) {
            let both = format!(
                "{} and {} are both {}; remove one",
                other.file.display(),
                file.display(),
                table.name()
            );
            return Err(unknown(path, both));
        }
        found.insert(table, Collection { file: file.into(), format });
    }
    Ok(found)
}

/// The table and format of a file's name. `users.metadata.json` is no collection.
fn collection(name: &str) -> Option<(Table, Format)> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let (stem, extension) = plain.split_once('.')?;
    let format = match extension {
        "bson" => Format::Bson,
        "json" | "jsonl" | "ndjson" => Format::Json,
        _ => return None,
    };
    Some((table(stem)?, format))
}

/// The names and paths in a directory, sorted. Names that are not UTF-8 are no collections.
fn entries(path: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let fail = |error: std::io::Error| Error::file(path, error.into());
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

fn unknown(path: &Path, what: String) -> Error {
    Error::file(path, Cause::Unknown(what))
}

impl Source for Directory {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn unit(&self) -> Unit {
        Unit::Bytes
    }

    fn read_with(&self, table: Table, progress: Arc<Progress>) -> Result<Records, Error> {
        let Some(collection) = self.collections.get(&table) else {
            return Ok(Box::new(std::iter::empty()));
        };
        let input = Input::open(&collection.file, progress)?;
        match collection.format {
            Format::Bson => Ok(Box::new(Documents::new(input, table))),
            Format::Json => Ok(Box::new(JsonDocuments::new(input, table))),
        }
    }
}
