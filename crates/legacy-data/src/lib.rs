//! Reads the data of older MiniTwit systems: users, messages, follows and the simulator's `latest`.
//!
//! A [`Source`] yields [`Record`]s exactly as the old system stored them, with their position, in
//! constant memory. It knows no rule of MiniTwit: the caller decides what a valid name or time is.
//! Damaged input gives an [`Error`] with file and offset; it never panics and allocates no more than
//! the largest document needs.

mod error;
mod record;
mod source;

pub use self::{
    error::{Cause, Error, Place, Position},
    record::{Follow, Latest, Message, Record, Secret, Table, User, Value},
    source::{Progress, Records, Source, Unit},
};

/// Opens an SQLite file of the Flask original or of a variant of it. The file is never written.
///
/// # Errors
/// Returns an error if the file is no SQLite database or has no table of MiniTwit.
pub fn sqlite(file: &std::path::Path) -> Result<Box<dyn Source>, Error> {
    Err(Error::file(file, Cause::Unknown("not readable yet".to_owned())))
}

/// Opens the tables of a PostgreSQL variant of the original. The database is never written.
///
/// # Errors
/// Returns an error if the connection fails or the database has no table of MiniTwit.
pub fn postgres(_url: &str) -> Result<Box<dyn Source>, Error> {
    Err(Error::file(
        std::path::Path::new("PostgreSQL"),
        Cause::Unknown("not readable yet".to_owned()),
    ))
}

/// Opens what `mongodump` or `mongoexport` wrote: a directory of either, or an archive.
///
/// # Errors
/// Returns an error if the path holds no collection of MiniTwit, or those of several databases.
pub fn mongo(path: &std::path::Path) -> Result<Box<dyn Source>, Error> {
    Err(Error::file(path, Cause::Unknown("not readable yet".to_owned())))
}
