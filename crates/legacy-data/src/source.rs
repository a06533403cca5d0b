//! What every source offers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    error::Error,
    record::{Record, Table},
};

/// The records of one table. After an error it yields nothing more.
pub type Records = Box<dyn Iterator<Item = Result<Record, Error>> + Send>;

/// A source whose tables can be read several times, one at a time.
pub trait Source: Send + Sync {
    /// The tables that the source has. MongoDB has no [`Table::Follows`]: its users list their follows.
    fn tables(&self) -> &[Table];

    /// What the progress of its reads counts.
    fn unit(&self) -> Unit;

    /// The key of the advisory lock that a PostgreSQL database holds while it is read. A connection that
    /// cannot take it is one to the same database, whatever its address.
    fn advisory_lock(&self) -> Option<i64> {
        None
    }

    /// Reads a table from its beginning and keeps `progress` up to date.
    /// A table that the source does not have is empty.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    fn read_with(&self, table: Table, progress: Arc<Progress>) -> Result<Records, Error>;

    /// Reads a table from its beginning.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    fn read(&self, table: Table) -> Result<Records, Error> {
        self.read_with(table, Arc::default())
    }
}

/// How much of a table has been read, for a progress bar in another thread.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    done: AtomicU64,
}

/// What [`Progress`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of the file, compressed if the file is.
    Bytes,
    /// Rows of the table.
    Rows,
}

impl Progress {
    /// The amount of the whole table; 0 before reading begins or if it is unknown.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// The amount that has been read.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Begins a table of a size.
    pub(crate) fn begin(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// Adds to the amount that has been read.
    pub(crate) fn advance(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }
}
