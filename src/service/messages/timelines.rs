//! Timelines, newest message first.

use crate::{
    db::{
        Class,
        messages::timelines::{self, NewestRequest},
    },
    domain::{AuthorTimeline, Cursor, Message, MessageSummary, Page, User, UserId, Username},
    service::{error::Error, state::Service},
};

impl Service {
    /// The messages of all users, after the cursor `before`.
    pub async fn public_timeline(
        &self,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(timelines::public(&self.reads(Class::Timelines), before, limit).await?)
    }

    /// The first page of the public timeline, for a cache that reads it once for many requests. Other
    /// reads of timelines do not delay it.
    pub async fn newest_for_cache(&self, limit: u16) -> Result<Page<Message>, Error> {
        Ok(timelines::public(self.database(), None, limit).await?)
    }

    /// The newest `limit` messages of all users, for the simulator.
    pub async fn newest_of_all(&self, limit: u16) -> Result<Vec<Message>, Error> {
        let database = self.reads(Class::SimulatorReads);
        Ok(timelines::public(&database, None, limit).await?.items)
    }

    /// The messages of `reader` and the followees, after the cursor `before`.
    pub async fn own_timeline(
        &self,
        reader: &User,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(timelines::own_timeline(&self.reads(Class::Timelines), reader.id, before, limit).await?)
    }

    /// The messages of `author` after the cursor `before`, the author's profile, and whether
    /// `viewer` follows the author.
    pub async fn author_timeline(
        &self,
        author: Username,
        viewer: Option<UserId>,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<AuthorTimeline, Error> {
        timelines::by_author(&self.reads(Class::Timelines), &author, viewer, before, limit)
            .await?
            .ok_or(Error::UnknownUser(author))
    }

    /// The newest `limit` messages of `author`, without profile and cursor.
    pub async fn newest_of(
        &self,
        author: Username,
        limit: u16,
    ) -> Result<Vec<MessageSummary>, Error> {
        let request = NewestRequest { author: author.clone(), limit };
        let messages = self.inner.listings.submit(request).await?;
        messages.ok_or(Error::UnknownUser(author))
    }
}
