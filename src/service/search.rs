//! Search for messages, tags and users.

use super::{error::Error, state::Service};
use crate::{
    db::{Class, messages::search, users},
    domain::{Cursor, Message, NameCursor, Page, Profile, SIGNS, SearchText, Tag},
};

impl Service {
    /// The messages that match `text`, newest first, after the cursor `before`.
    pub async fn search_messages(
        &self,
        text: &SearchText,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(search::messages(&self.reads(Class::Search), text, before, limit).await?)
    }

    /// The messages with this tag, newest first, after the cursor `before`. A page that is not the
    /// last may contain fewer than `limit` messages.
    pub async fn tagged(
        &self,
        tag: &Tag,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(search::tagged(&self.reads(Class::Search), tag, before, limit).await?)
    }

    /// The users whose usernames begin with `text`, by username, after the cursor `after`. If there
    /// is none and `text` begins with `@`, the users whose usernames begin with the rest.
    pub async fn search_users(
        &self,
        text: &SearchText,
        after: Option<&NameCursor>,
        limit: u16,
    ) -> Result<Page<Profile, NameCursor>, Error> {
        let reads = self.reads(Class::Search);
        let found = users::search(&reads, text, after, limit).await?;
        // A cursor of the first list is not a position in the second one.
        let is_in_first = after.is_some_and(|after| after.as_str().starts_with(SIGNS));
        match text.without_sign() {
            Some(name) if found.items.is_empty() && !is_in_first => {
                Ok(users::search(&reads, &name, after, limit).await?)
            }
            _ => Ok(found),
        }
    }
}
