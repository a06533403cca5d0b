//! How an import reports its progress.

/// A step of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reads the source to its end, and writes nothing.
    Read,
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
            Self::Read => "read source",
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

/// Receives the progress of an import.
pub trait Observer: Send + Sync {
    /// A step begins. `total` is the number of its records; 0 if unknown.
    fn begin(&self, step: Step, total: u64);

    /// Records of the current step are done.
    fn advance(&self, records: u64);
}
