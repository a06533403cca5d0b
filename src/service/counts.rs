//! Maintenance of users' counts.

use super::{error::Error, state::Service};
use crate::db::user_counts;

impl Service {
    /// Adds all recorded changes to the users' rows of counts. Counts are correct without it;
    /// folding makes them cheap to read.
    pub async fn fold_counts(&self) -> Result<(), Error> {
        while user_counts::fold(self.database()).await? {}
        Ok(())
    }
}
