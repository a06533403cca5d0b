//! The statement that inserts follows.

use crate::{
    db::{
        self, Database,
        follows::{self, FollowResult, NewFollow},
    },
    service::batch::Statement,
    telemetry::metrics,
};

pub(in crate::service) struct InsertFollows;

impl Statement for InsertFollows {
    type Request = NewFollow;
    type Output = FollowResult;
    /// As for messages: a larger batch saves little more.
    const MAX_WEIGHT: usize = 128;

    async fn run(
        &self,
        database: &Database,
        requests: &[NewFollow],
    ) -> Result<Vec<FollowResult>, db::Error> {
        let results = follows::insert(database, requests).await?;
        let done = results.iter().filter(|result| **result == FollowResult::Done).count();
        metrics::followed(done);
        Ok(results)
    }
}
