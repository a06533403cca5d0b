//! Searching.

use super::{Error, Service};
use crate::{
    db::{messages::search, users},
    domain::{Cursor, Message, NameCursor, Page, Profile, SearchText, Tag},
};

impl Service {
    /// The messages that `text` is found in, newest first, after `before` or from the newest on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn search_messages(
        &self,
        text: &SearchText,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(search::messages(self.database(), text, before, limit).await?)
    }

    /// The messages that have this tag, likewise. A page may have fewer messages than `limit` although
    /// there is a next one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tagged(
        &self,
        tag: &Tag,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(search::tagged(self.database(), tag, before, limit).await?)
    }

    /// The users whose names begin with `text`, by name, after `after` or from the first on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn search_users(
        &self,
        text: &SearchText,
        after: Option<&NameCursor>,
        limit: u16,
    ) -> Result<Page<Profile, NameCursor>, Error> {
        Ok(users::search(self.database(), text, after, limit).await?)
    }
}
