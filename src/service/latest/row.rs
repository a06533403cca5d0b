//! This process's row of the table.

use crate::db::{self, Database, simulator_latest};

/// Writes values to one row.
pub(super) trait WriteValue: Send + 'static {
    /// Replaces the value of the row.
    fn write(&mut self, value: i64) -> impl Future<Output = Result<(), db::Error>> + Send;

    /// Runs after each successful write, when its requests have completed.
    fn tidy(&mut self) -> impl Future<Output = ()> + Send;
}

/// Writes values to a row, and expects it to be as the last write left it.
///
/// PostgreSQL may run a statement after this process has stopped waiting for it, for example after a
/// failure of the network. Without the expectation such a statement could replace a later value.
pub(super) struct Row {
    database: Database,
    server_id: i64,
    state: State,
    tidied: bool,
}

enum State {
    /// The row's arrival; `None` if there is no row.
    Known(Option<i64>),
    /// The outcome of the last write is unknown.
    Unknown,
}

impl Row {
    /// A row that no other process writes.
    pub(super) fn new(database: Database) -> Self {
        Self { database, server_id: rand::random(), state: State::Known(None), tidied: false }
    }
}

impl WriteValue for Row {
    async fn write(&mut self, value: i64) -> Result<(), db::Error> {
        loop {
            let expected = match self.state {
                State::Known(arrival) => arrival,
                State::Unknown => simulator_latest::arrival(&self.database, self.server_id).await?,
            };
            self.state = State::Unknown;
            let write = simulator_latest::record(&self.database, self.server_id, value, expected);
            // `None`: a statement of an earlier write has changed the row since then.
            if let Some(arrival) = write.await? {
                self.state = State::Known(Some(arrival));
                return Ok(());
            }
        }
    }

    /// Once per process, so that the rows of earlier processes do not accumulate.
    async fn tidy(&mut self) {
        if !self.tidied {
            self.tidied = simulator_latest::forget_superseded(&self.database).await.is_ok();
        }
    }
}
