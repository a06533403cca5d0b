//! Ends an import: indexes, the commit, the search index, counts and statistics.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::{
    error::Error,
    observer::Step,
    writer::{Mode, Session, Writer},
};
use crate::db::{
    Database, PgConnection,
    import::{self, search, sources},
    user_counts,
};

/// How long the import waits for older transactions before it leaves the search index to the servers.
const MAX_WAIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

impl Writer {
    pub(super) async fn finish(
        &mut self,
        session: Session,
        database: &Database,
    ) -> Result<(), Error> {
        let (Some(connection), Some(import)) = (&mut self.connection, session.import) else {
            return Ok(());
        };
        let was_empty = match &session.mode {
            Mode::Transaction(indexes) => {
                self.observer.begin(Step::Indexes, 0);
                import::restore_indexes(connection, indexes).await?;
                sources::complete(connection, import.id).await?;
                import::commit(connection).await?;
                true
            }
            Mode::Batches(_) | Mode::DryRun => {
                sources::complete(connection, import.id).await?;
                false
            }
        };
        if session.inserted {
            if was_empty {
                // Plans of the next step need them.
                import::analyze(connection).await?;
            }
            let unindexed = search::unindexed(connection).await?;
            self.observer.begin(Step::Search, unindexed.unsigned_abs());
            if let Some(settled) = settled(connection).await? {
                while search::insert_next(connection, settled).await? {
                    self.observer.advance(search::BLOCK);
                }
            }
        }
        if session.holds_search {
            search::unlock(connection).await?;
        }
        self.observer.begin(Step::Statistics, 0);
        while user_counts::fold(database).await? {}
        if was_empty {
            import::vacuum_and_checkpoint(connection).await?;
        } else {
            import::analyze(connection).await?;
        }
        self.recorder.summary.database = Some(import::totals(connection).await?);
        Ok(())
    }
}

/// Returns a time before which all messages are committed; `None` if an older transaction lasts long.
async fn settled(connection: &mut PgConnection) -> Result<Option<OffsetDateTime>, Error> {
    let begun = search::moment(connection).await?;
    let started = Instant::now();
    while search::moment(connection).await?.all_ended_before < begun.transaction {
        if started.elapsed() > MAX_WAIT {
            return Ok(None);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(Some(begun.at))
}
