//! The statement that inserts follows.

use crate::{
    db::{
        self, Database,
        follows::{self, NewFollow, Outcome},
    },
    service::batch::Statement,
    telemetry::metrics,
};

/// The statement that inserts a batch of follows.
pub(in crate::service) struct InsertFollows;

impl Statement for InsertFollows {
    type Request = NewFollow;
    type Output = Outcome;
    /// As for messages: larger batches save little more.
    const MAX_WEIGHT: usize = 128;

    async fn run(
        &self,
        database: &Database,
        requests: &[NewFollow],
    ) -> Result<Vec<Outcome>, db::Error> {
        let outcomes = follows::insert(database, requests).await?;
        let done = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
        metrics::followed(done);
        Ok(outcomes)
    }
}
