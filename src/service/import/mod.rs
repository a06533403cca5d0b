//! Imports the data of an older system.
//!
//! A [`Plan`] reads the source to its end and writes nothing, so damage is found first. [`Plan::run`]
//! then applies the rules (`rule`) record by record and inserts the rows: into an empty database in
//! one transaction, into a live one in short batches. The old ids in the database make a repeated or
//! interrupted import insert no row twice.

mod error;
mod finish;
mod follow;
mod follows;
mod latest;
mod message;
mod messages;
mod names;
mod observer;
mod passwords;
mod report;
mod rule;
mod scan;
mod stream;
#[cfg(test)]
mod tests;
mod user;
mod users;
mod value;
mod writer;

use std::{io::Write, sync::Arc};

use legacy_data::Source;
use tokio::task::spawn_blocking;

pub use self::{
    error::Error,
    observer::{Amount, Observer, Step},
    report::{Counts, Summary},
    rule::{Outcome, Rule},
    value::Dialect,
};
use self::{report::Recorder, scan::Scan, writer::Writer};
pub use crate::db::import::Totals;
use crate::db::{self, Database, PgConnection};

/// An old system whose data is read completely.
pub struct Plan {
    source: Arc<dyn Source>,
    scan: Scan,
    observer: Arc<dyn Observer>,
}

/// What to import into, and how.
pub struct Settings {
    /// The name that identifies the old system in repeated imports.
    pub name: String,
    /// The kind of the old system.
    pub system: &'static str,
    /// The cost of bcrypt for plain-text passwords.
    pub password_cost: u32,
    /// Where findings are written, as JSON objects separated by commas.
    pub findings: Option<Box<dyn Write + Send>>,
}

/// Where to import to.
pub enum Target {
    /// Nowhere: only the report is made. Names of users are compared if there is a database.
    DryRun(Option<PgConnection>),
    /// A database with the newest schema.
    Database {
        /// For the rows.
        connection: PgConnection,
        /// For the counts.
        database: Database,
    },
}

impl Plan {
    /// Reads the source to its end.
    ///
    /// Returns an error if that fails; it names the file and the place.
    pub async fn read(
        source: Arc<dyn Source>,
        dialect: Dialect,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let task = spawn_blocking({
            let (source, observer) = (Arc::clone(&source), Arc::clone(&observer));
            move || Scan::of(source.as_ref(), dialect, observer.as_ref())
        });
        let scan = task.await.map_err(Error::ThreadFailed)??;
        Ok(Self { source, scan, observer })
    }

    /// Returns an error if `connection` is one to the database that is read. The import would wait for
    /// the transaction of its own source.
    pub async fn check_target(&self, connection: &mut PgConnection) -> Result<(), Error> {
        match self.source.advisory_lock() {
            Some(key) if db::import::is_locked(connection, key).await? => Err(Error::SameDatabase),
            _ => Ok(()),
        }
    }

    /// Imports the data, and returns the counts.
    ///
    /// Returns an error if another import runs, or if an import of the same name had other users.
    pub async fn run(self, settings: Settings, target: Target) -> Result<Summary, Error> {
        let Self { source, scan, observer } = self;
        let mut recorder = Recorder::new(settings.findings);
        recorder.summary.plain_passwords = scan.plain_passwords;
        let (connection, database) = match target {
            Target::DryRun(connection) => (connection, None),
            Target::Database { connection, database } => (Some(connection), Some(database)),
        };
        let mut writer = Writer { source, scan: Arc::new(scan), observer, recorder, connection };
        let session = writer.open(&settings.name, settings.system, database.is_none()).await?;
        let written = writer.write(session, settings.password_cost, database.as_ref()).await;
        if written.is_err() {
            writer.abandon().await;
        }
        written?;
        Ok(writer.recorder.finish()?)
    }
}
