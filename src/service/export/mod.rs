//! Exports all users, messages and follows to files, and imports such files into an empty database.
//!
//! A file has a row a line, as a JSON object. A manifest has the number of rows and the checksum of each file.

mod checksum;
mod error;
mod import;
mod manifest;
mod write;

pub use self::{
    error::Error,
    import::{Export, import},
    manifest::{MANIFEST, Manifest, Table, TableFile},
    write::export,
};
