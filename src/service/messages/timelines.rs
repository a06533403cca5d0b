//! Timelines, newest message first.

use crate::{
    db::{
        Class,
        messages::timelines::{self, NewestRequest},
    },
    domain::{AuthorTimeline, Cursor, Message, MessageSummary, Page, User, UserId, Username},
    service::{error::Error, state::Service},
};

/// How often an own timeline reads on if a page has less than half of its messages, because the rules of
/// replies omit the others.
const MORE_READS: u32 = 2;

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

    /// The own timeline of `reader` after the cursor `before`: the messages of the reader and the followees,
    /// and the replies to the reader. A reply of a followee to a user whom the reader does not follow is
    /// omitted. So a page that is not the last may have fewer messages than `limit`.
    pub async fn own_timeline(
        &self,
        reader: &User,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        let database = self.reads(Class::Timelines);
        let mut page = timelines::own_timeline(&database, reader.id, before, limit).await?;
        for _ in 0..MORE_READS {
            let is_short = page.items.len() < usize::from(limit.div_ceil(2));
            let (Some(cursor), true) = (page.next, is_short) else { break };
            let more = timelines::own_timeline(&database, reader.id, Some(cursor), limit).await?;
            page.items.extend(more.items);
            page.next = more.next;
            if page.items.len() > usize::from(limit) {
                page.items.truncate(usize::from(limit));
                page.next = page.items.last().map(Message::cursor);
            }
        }
        Ok(page)
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
