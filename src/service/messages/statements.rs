//! The statements that run in batches: posting, and listing an author's newest messages.

use tokio::sync::watch;

use crate::{
    db::{
        self, Database,
        messages::{
            posting::{self, Inserted, NewMessage},
            timelines::{self, NewestRequest},
        },
    },
    domain::MessageSummary,
    service::batch::Statement,
    telemetry::metrics,
};

pub(in crate::service) struct InsertMessages {
    pub(in crate::service) public_version: watch::Sender<u64>,
}

impl Statement for InsertMessages {
    type Request = NewMessage;
    type Output = Inserted;
    /// 128 messages of the usual length are about 30 KB and take PostgreSQL about 4 ms.
    const MAX_WEIGHT: usize = 128;

    async fn run(
        &self,
        database: &Database,
        requests: &[NewMessage],
    ) -> Result<Vec<Inserted>, db::Error> {
        let inserted = posting::insert(database, requests).await?;
        let is_posted = |result: &&Inserted| matches!(result, Inserted::Posted { .. });
        let posted = inserted.iter().filter(is_posted).count();
        if posted > 0 {
            self.public_version.send_modify(|version| *version += 1);
            metrics::posted(posted);
        }
        Ok(inserted)
    }
}

pub(in crate::service) struct ListNewest;

/// The cost of finding an author and the start of the list, in messages. It reads about 12 database
/// pages; a message takes about one.
const AUTHOR_WEIGHT: usize = 10;

impl Statement for ListNewest {
    type Request = NewestRequest;
    type Output = Option<Vec<MessageSummary>>;
    /// The longest list, or as many messages in shorter lists.
    const MAX_WEIGHT: usize = 1_000;
    /// While PostgreSQL runs two statements, two others transfer their rows.
    const MAX_CONCURRENT: usize = 4;

    const READ_ONLY: bool = true;

    fn weight(request: &NewestRequest) -> usize {
        usize::from(request.limit) + AUTHOR_WEIGHT
    }

    async fn run(
        &self,
        database: &Database,
        requests: &[NewestRequest],
    ) -> Result<Vec<Self::Output>, db::Error> {
        timelines::newest_of(database, requests).await
    }
}
