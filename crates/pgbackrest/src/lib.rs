//! Configures and runs pgBackRest, and parses what it prints.
//!
//! Nothing here depends on MiniTwit. [`Configuration`] describes a repository and a PostgreSQL
//! server; [`PgBackRest::configure`] writes the configuration file, and the other methods run one
//! command of the program each. All of them block.

mod command;
mod configuration;
mod error;
mod info;
mod program;
mod restore;
mod unfinished;
mod verification;

pub use self::{
    command::{Account, BackupKind, PgBackRest},
    configuration::{Configuration, S3, Server, Storage},
    error::Error,
    info::{Backup, BackupType, Info},
    restore::{Restore, Target},
};
