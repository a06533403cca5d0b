//! An archive of `mongodump --archive`: collections in interleaved blocks.

use std::{path::Path, sync::Arc};

use crc::{CRC_64_XZ, Crc, Digest, Table as CrcTable};

use super::{collection::table, documents::document_record};
use crate::{
    bson::{Framed, elements, next_document},
    error::{Cause, Error},
    input::Input,
    record::{Record, Table},
    source::{Progress, Records, Source, Unit},
};

const MAGIC: [u8; 4] = 0x8199_e26d_u32.to_le_bytes();
/// Databases with collections of MiniTwit that are counted before an archive is ambiguous.
const MOST_DATABASES: usize = 8;

type Sliced = CrcTable<16>;
/// CRC-64 of ECMA-182, reflected and inverted: the one that Go calls ECMA.
static CRC: Crc<u64, Sliced> = Crc::<u64, Sliced>::new(&CRC_64_XZ);

/// An archive, and the collections that it has of MiniTwit.
pub(crate) struct Archive {
    file: Arc<Path>,
    database: Database,
    tables: Vec<Table>,
}

/// A database of the archive. Its collections have their names as stored.
#[derive(Clone, Default)]
struct Database {
    name: Vec<u8>,
    collections: Vec<(Table, Vec<u8>)>,
}

impl Database {
    fn lists(&self, collection: &[u8]) -> bool {
        self.collections.iter().any(|(_, name)| name == collection)
    }
}

/// True if the file begins as an archive does.
pub(crate) fn begins(input: &mut Input) -> Result<bool, Error> {
    Ok(input.peek(MAGIC.len())? == MAGIC)
}

/// Opens an archive and finds its collections.
pub(crate) fn open(file: &Arc<Path>) -> Result<Archive, Error> {
    let mut input = Input::open(file, Arc::default())?;
    let mut databases: Vec<Database> = Vec::new();
    prelude(&mut input, |name, collection, table| {
        let index = match databases.iter().position(|database| database.name == name) {
            Some(index) => index,
            None if databases.len() == MOST_DATABASES => return Ok(()),
            None => {
                databases.push(Database { name: name.to_vec(), collections: Vec::new() });
                databases.len() - 1
            }
        };
        let database = &mut databases[index];
        if database.collections.iter().any(|(other, _)| *other == table) {
            return Err("two collections are of the same kind");
        }
        database.collections.push((table, collection.to_vec()));
        Ok(())
    })?;
    let unknown = |what: String| Error::file(file, Cause::Unknown(what));
    if databases.len() > 1 {
        let names: Vec<_> =
            databases.iter().map(|database| String::from_utf8_lossy(&database.name)).collect();
        let names = names.join(", ");
        return Err(unknown(format!(
            "several databases have collections of MiniTwit; dump one of them with --db: {names}"
        )));
    }
    let database = databases
        .pop()
        .ok_or_else(|| unknown("the archive has no users, messages or latest".to_owned()))?;
    let mut tables: Vec<_> = database.collections.iter().map(|(table, _)| *table).collect();
    tables.sort_unstable();
    Ok(Archive { file: Arc::clone(file), database, tables })
}

/// Reads what precedes the blocks, and calls `found` with each collection of MiniTwit.
fn prelude(
    input: &mut Input,
    mut found: impl FnMut(&[u8], &[u8], Table) -> Result<(), &'static str>,
) -> Result<(), Error> {
    let magic = input.peek(MAGIC.len())?.len();
    input.consume(magic);
    let mut header = true;
    loop {
        let offset = input.offset();
        let length = match next_document(input)? {
            Framed::Document(length) => length,
            Framed::Terminator if !header => return Ok(()),
            Framed::Terminator => return Err(damaged(input, offset, "the archive has no header")),
            Framed::End => {
                return Err(
                    input.error(offset, Cause::Truncated("it ends inside the list of collections"))
                );
            }
        };
        let outcome = if header {
            Ok(())
        } else {
            namespace(input.peek(length)?).and_then(|namespace| {
                let name = std::str::from_utf8(namespace.collection).ok();
                match name.and_then(table) {
                    Some(table) if !namespace.view => {
                        found(namespace.database, namespace.collection, table)
                    }
                    _ => Ok(()),
                }
            })
        };
        outcome.map_err(|what| damaged(input, offset, what))?;
        input.consume(length);
        header = false;
    }
}

/// The header of a block, or an entry of the list of collections.
#[derive(Default)]
struct Namespace<'a> {
    database: &'a [u8],
    collection: &'a [u8],
    view: bool,
    ended: bool,
    crc: Option<i64>,
}

fn namespace(document: &[u8]) -> Result<Namespace<'_>, &'static str> {
    let mut namespace = Namespace::default();
    let (mut database, mut collection) = (None, None);
    for element in elements(document) {
        let element = element.map_err(|damage| damage.what)?;
        match element.name {
            b"db" => database = element.text(),
            b"collection" => collection = element.text(),
            b"type" => namespace.view = element.text() == Some(b"view"),
            b"EOF" => namespace.ended = element.is_true(),
            b"CRC" => namespace.crc = element.int64(),
            _ => {}
        }
    }
    let (Some(database), Some(collection)) = (database, collection) else {
        return Err("a header of the archive names no collection");
    };
    Ok(Namespace { database, collection, ..namespace })
}

fn damaged(input: &Input, offset: u64, what: &str) -> Error {
    input.error(offset, Cause::Damaged(what.to_owned()))
}

impl Source for Archive {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn unit(&self) -> Unit {
        Unit::Bytes
    }

    fn read_with(&self, table: Table, progress: Arc<Progress>) -> Result<Records, Error> {
        let Some((_, collection)) =
            self.database.collections.iter().find(|(known, _)| *known == table)
        else {
            return Ok(Box::new(std::iter::empty()));
        };
        let mut input = Input::open(&self.file, progress)?;
        prelude(&mut input, |_, _, _| Ok(()))?;
        Ok(Box::new(Blocks {
            input,
            table,
            database: self.database.clone(),
            collection: collection.clone(),
            digest: Some(CRC.digest()),
            state: State::Header,
        }))
    }
}

/// What comes next in the archive.
#[derive(Clone, Copy)]
enum State {
    /// The header of a block.
    Header,
    /// Documents of the collection that is read.
    Wanted,
    /// Documents of another collection.
    Other,
    /// Nothing: the collection has ended, or an error occurred.
    Finished,
}

/// The documents of one collection.
struct Blocks {
    input: Input,
    table: Table,
    database: Database,
    collection: Vec<u8>,
    digest: Option<Digest<'static, u64, Sliced>>,
    state: State,
}

impl Iterator for Blocks {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Finished) {
            return None;
        }
        let item = self.read().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.state = State::Finished;
        }
        item
    }
}

impl Blocks {
    fn read(&mut self) -> Result<Option<Record>, Error> {
        loop {
            let offset = self.input.offset();
            match (next_document(&mut self.input)?, self.state) {
                (Framed::Document(length), State::Header) => {
                    if self.header(length)? {
                        return Ok(None);
                    }
                }
                (Framed::Document(length), State::Wanted) => {
                    if let Some(digest) = &mut self.digest {
                        digest.update(self.input.peek(length)?);
                    }
                    return document_record(&mut self.input, length, self.table).map(Some);
                }
                (Framed::Document(length), _) => self.input.consume(length),
                (Framed::Terminator, State::Header) => {
                    return Err(damaged(&self.input, offset, "a block has no header"));
                }
                (Framed::Terminator, _) => self.state = State::Header,
                (Framed::End, _) => {
                    return Err(self.input.error(
                        offset,
                        Cause::Truncated("the archive has no end of the collection"),
                    ));
                }
            }
        }
    }

    /// Reads a block's header. Returns true if it ends the collection.
    fn header(&mut self, length: usize) -> Result<bool, Error> {
        let offset = self.input.offset();
        let header = namespace(self.input.peek(length)?).and_then(|header| {
            let ours = header.database == self.database.name;
            let wanted = ours && header.collection == self.collection;
            let known = std::str::from_utf8(header.collection).ok().and_then(table);
            if ours && known.is_some() && !self.database.lists(header.collection) {
                return Err("a block has a collection that the archive does not list");
            }
            Ok((wanted, header.ended, header.crc))
        });
        let (wanted, ended, crc) = header.map_err(|what| damaged(&self.input, offset, what))?;
        self.input.consume(length);
        self.state = if wanted { State::Wanted } else { State::Other };
        if !(wanted && ended) {
            return Ok(false);
        }
        let computed = self.digest.take().map(Digest::<u64, Sliced>::finalize);
        if let (Some(stored), Some(computed)) = (crc, computed)
            && stored.cast_unsigned() != computed
        {
            return Err(damaged(&self.input, offset, "the checksum of the collection is wrong"));
        }
        Ok(true)
    }
}
