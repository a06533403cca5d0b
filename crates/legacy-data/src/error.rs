//! Where a record is, and why reading failed.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The file of a record, and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file; for a database server, its name and the table.
    pub file: Arc<Path>,
    /// The place in the file.
    pub place: Place,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.file.display(), self.place)
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole file.
    File,
    /// Bytes before it in the file.
    Byte(u64),
    /// Bytes before it in the decompressed content of a gzip file.
    DecompressedByte(u64),
    /// The row of a table, counted from 1 in the order of reading.
    Row {
        /// The table's kind.
        table: &'static str,
        /// The row's number.
        row: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => formatter.write_str("as a whole"),
            Self::Byte(offset) => write!(formatter, "at byte {offset}"),
            Self::DecompressedByte(offset) => {
                write!(formatter, "at byte {offset} of the decompressed content")
            }
            Self::Row { table, row } => write!(formatter, "at row {row} of the {table}"),
        }
    }
}

/// A failure to read a source. It reads "FILE at byte N: cause".
#[derive(Debug)]
pub struct Error {
    /// The file or directory.
    pub file: PathBuf,
    /// The place in the file.
    pub place: Place,
    /// Why reading failed.
    pub cause: Cause,
}

impl Error {
    /// An error of a whole file.
    pub(crate) fn file(file: &Path, cause: Cause) -> Self {
        Self { file: file.to_owned(), place: Place::File, cause }
    }

    /// An error that a database reports.
    pub(crate) fn database(
        file: &Path,
        place: Place,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { file: file.to_owned(), place, cause: Cause::Database(Box::new(error)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => write!(formatter, "{}: {}", self.file.display(), self.cause),
            place => write!(formatter, "{} {place}: {}", self.file.display(), self.cause),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.cause)
    }
}

/// Why reading failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The operating system cannot open or read the file.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// The path holds none of the known forms.
    #[error("{0}")]
    Unknown(String),
    /// The file ends inside a document, a block or a compressed stream.
    #[error("the file is truncated: {0}")]
    Truncated(&'static str),
    /// The content breaks the rules of its format.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// A database reports an error.
    #[error("the database cannot be read: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}
