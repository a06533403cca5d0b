//! Search for messages, tags and users.

use super::{error::Error, state::Service};
use crate::{
    db::{Class, messages::search, users},
    domain::{Cursor, Message, NameCursor, Page, Profile, SearchText, Tag},
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

    /// The users whose usernames begin with `text`, by username, after the cursor `after`.
    pub async fn search_users(
        &self,
        text: &SearchText,
        after: Option<&NameCursor>,
        limit: u16,
    ) -> Result<Page<Profile, NameCursor>, Error> {
        Ok(users::search(&self.reads(Class::Search), text, after, limit).await?)
    }
}
