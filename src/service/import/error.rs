//! Why an import fails.

use std::io;

use tokio::task::JoinError;

use crate::{db, service::passwords::HashingError};

/// A failure of an import.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] legacy_data::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The source is the database to import into.
    #[error(
        "the source is the database to import into; name another database in --database-url \
         (DATABASE_URL), or a copy of the old one as the source"
    )]
    SameDatabase,
    /// Another import runs.
    #[error("another import into this database is running; wait until it has ended")]
    Busy,
    /// An earlier import of the same name had other users.
    #[error(
        "the users of {name:?} differ from those of an earlier import of this name; \
         name another old system with --source"
    )]
    OtherSource {
        /// The name.
        name: String,
    },
    /// The source had other records when it was read again.
    #[error(
        "the source has changed during the import; stop the old system and run the import again"
    )]
    SourceChanged,
    /// A background thread failed.
    #[error("a thread of the import failed")]
    ThreadFailed(#[source] JoinError),
    /// bcrypt failed.
    #[error("a password cannot be hashed")]
    Hash(#[from] bcrypt::BcryptError),
    /// PBKDF2 failed.
    #[error("a password that bcrypt cannot hold cannot be hashed")]
    OtherHash(#[from] HashingError),
    /// bcrypt returned an unknown form.
    #[error("bcrypt returned a hash of an unknown form")]
    HashForm(#[from] crate::domain::InvalidHash),
    /// The report cannot be written.
    #[error("the report cannot be written")]
    Report(#[from] io::Error),
}
