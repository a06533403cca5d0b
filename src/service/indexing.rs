//! The index of messages for search, which is built after the posts.

use super::{error::Error, state::Service};
use crate::db::search_blocks;

impl Service {
    /// Indexes committed messages for search. A search finds the others without the index; indexing
    /// makes it cheap.
    pub async fn index_messages(&self) -> Result<(), Error> {
        let database = self.database();
        search_blocks::rewind(database).await?;
        let now = search_blocks::moment(database).await?;
        if let Some(settled) = self.inner.settling.settle(now) {
            while search_blocks::insert_next(database, settled).await? {}
        }
        while search_blocks::fold_late(database).await? {}
        Ok(())
    }
}
