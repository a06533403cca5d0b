//! Reads the data of older MiniTwit systems: users, messages, follows and the simulator's `latest`.
//!
//! A [`Source`] yields [`Record`]s exactly as the old system stored them, with their position, in
//! constant memory. It knows no rule of MiniTwit: the caller decides what a valid name or time is.
//! Damaged input gives an [`Error`] with file and offset; it never panics and allocates no more than
//! the largest document needs.

mod bson;
mod error;
mod input;
mod json;
mod layout;
mod mongo;
mod record;
mod source;
mod sql;
mod text;
mod time;

use std::path::Path;

pub use self::{
    error::{Cause, Error, Place, Position},
    record::{Follow, Latest, Message, Record, Secret, Table, User, Value},
    source::{Progress, Records, Source, Unit},
    text::replace_invalid,
};

/// Opens an SQLite file of the Flask original or of a variant of it. The file is never written.
///
/// # Errors
/// Returns an error if the file is no SQLite database or has no table of MiniTwit.
pub fn sqlite(file: &Path) -> Result<Box<dyn Source>, Error> {
    Ok(Box::new(sql::sqlite::open(file)?))
}

/// Opens the tables of a PostgreSQL variant of the original. The database is never written.
///
/// # Errors
/// Returns an error if the connection fails or the database has no table of MiniTwit.
pub fn postgres(url: &str) -> Result<Box<dyn Source>, Error> {
    Ok(Box::new(sql::postgres::open(url)?))
}

/// Opens what `mongodump` or `mongoexport` wrote: a directory of either, or an archive.
///
/// # Errors
/// Returns an error if the path holds no collection of MiniTwit, or those of several databases.
pub fn mongo(path: &Path) -> Result<Box<dyn Source>, Error> {
    mongo::open(path)
}
