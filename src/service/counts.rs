//! The upkeep of users' counts.

use super::{Error, Service};
use crate::db::user_counts;

impl Service {
    /// Folds all changes of users' counts that are noted. Counts are right without it; it keeps low
    /// what reading one costs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fold_counts(&self) -> Result<(), Error> {
        while user_counts::fold(self.database()).await? {}
        Ok(())
    }
}
