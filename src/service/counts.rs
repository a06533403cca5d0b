//! Maintenance of users' counts.

use super::{error::Error, state::Service};
use crate::db::user_counts;

impl Service {
    /// Folds all recorded changes into one row of counts a user. Counts are correct without it;
    /// folding keeps them cheap to read.
    pub async fn fold_counts(&self) -> Result<(), Error> {
        while user_counts::fold(self.database()).await? {}
        Ok(())
    }
}
