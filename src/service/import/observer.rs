//! How an import reports its progress.

use legacy_data::{Table, Unit};

/// A step of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reads a table of the source to its end, and writes nothing.
    Read(Table),
    /// Checks the files of an export.
    Check,
    /// Hashes plain-text passwords.
    Passwords,
    /// Inserts the rows of an export.
    Rows,
    /// Inserts users.
    Users,
    /// Inserts messages.
    Messages,
    /// Inserts follows.
    Follows,
    /// Builds indexes and checks constraints.
    Indexes,
    /// Builds the search index.
    Search,
    /// Adds up counts, and gathers statistics for the query planner.
    Statistics,
}

impl Step {
    /// The step's name on the progress bar.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read(Table::Users) => "read users",
            Self::Read(Table::Messages) => "read messages",
            Self::Read(Table::Follows) => "read follows",
            Self::Read(Table::Latest) => "read latest",
            Self::Check => "check files",
            Self::Passwords => "hash passwords",
            Self::Rows => "rows",
            Self::Users => "users",
            Self::Messages => "messages",
            Self::Follows => "follows",
            Self::Indexes => "indexes",
            Self::Search => "search index",
            Self::Statistics => "vacuum, analyze",
        }
    }
}

/// How much of a table of the source is read.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// The part that is read.
    pub done: u64,
    /// The whole table; 0 if unknown, and perhaps an estimate.
    pub total: u64,
    /// What both count.
    pub unit: Unit,
}

/// Receives the progress of an import.
pub trait Observer: Send + Sync {
    /// A step begins. `total` is the number of its records; 0 if unknown.
    fn begin(&self, step: Step, total: u64);

    /// Records of the current step are done.
    fn advance(&self, records: u64);

    /// Records of a [`Step::Read`] are read, and this much of their table.
    fn read(&self, records: u64, amount: Amount);
}
