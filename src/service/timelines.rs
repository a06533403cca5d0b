//! Posting and reading messages.

use tokio::sync::watch;

use super::{Error, Service, batch::Statement};
use crate::{
    db::{
        self, Database,
        messages::timelines::{self, NewMessage, NewestRequest},
    },
    domain::{
        AuthorTimeline, Cursor, Message, MessageSummary, MessageText, Page, User, UserId, Username,
    },
    telemetry::metrics,
};

impl Service {
    /// Posts a message. Returns its place on the timelines, when it is durable.
    ///
    /// # Errors
    /// When there is no such author, or when the database fails.
    pub async fn post(&self, author: Username, text: MessageText) -> Result<Cursor, Error> {
        let message = NewMessage { author: author.clone(), text };
        let place = self.inner.posts.ask(message).await?;
        place.ok_or(Error::UnknownUser(author))
    }

    /// The messages of everybody, newest first, after `before` or from the newest on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn public_timeline(
        &self,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(timelines::public(self.database(), before, limit).await?)
    }

    /// The messages of `reader` and of everybody whom `reader` follows, likewise.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_timeline(
        &self,
        reader: &User,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        Ok(timelines::own_timeline(self.database(), reader.id, before, limit).await?)
    }

    /// The messages of `author`, likewise, what there is to be seen of `author`, and whether `viewer`
    /// follows `author`.
    ///
    /// # Errors
    /// When there is no such author, or when the database fails.
    pub async fn author_timeline(
        &self,
        author: Username,
        viewer: Option<UserId>,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<AuthorTimeline, Error> {
        timelines::by_author(self.database(), &author, viewer, before, limit)
            .await?
            .ok_or(Error::UnknownUser(author))
    }

    /// The newest `limit` messages of `author`, without what a page needs besides.
    ///
    /// # Errors
    /// When there is no such author, or when the database fails.
    pub async fn newest_of(
        &self,
        author: Username,
        limit: u16,
    ) -> Result<Vec<MessageSummary>, Error> {
        let listing = NewestRequest { author: author.clone(), limit };
        let listed = self.inner.listings.ask(listing).await?;
        listed.ok_or(Error::UnknownUser(author))
    }

    /// Changes whenever a message that this server has taken is on the public timeline, or what it has
    /// removed is there no longer, before whoever asked for it hears of it. What other servers take does not change it.
    #[must_use]
    pub fn public_version(&self) -> u64 {
        *self.inner.public_version.borrow()
    }

    /// To be called when something else than a post has changed the public timeline.
    pub(super) fn public_timeline_changed(&self) {
        self.inner.public_version.send_modify(|version| *version += 1);
    }
}

/// Posts messages.
pub(super) struct Posting {
    pub(super) public_version: watch::Sender<u64>,
}

impl Statement for Posting {
    type Request = NewMessage;
    type Answer = Option<Cursor>;
    /// 128 messages of the usual length are some 30 KB, and take PostgreSQL some 4 ms.
    const LARGEST: usize = 128;

    async fn run(
        &self,
        database: &Database,
        requests: &[NewMessage],
    ) -> Result<Vec<Option<Cursor>>, db::Error> {
        let places = timelines::insert(database, requests).await?;
        let posted = places.iter().flatten().count();
        if posted > 0 {
            self.public_version.send_modify(|version| *version += 1);
            metrics::posted(posted);
        }
        Ok(places)
    }
}

/// Lists authors' newest messages.
pub(super) struct ListingNewest;

/// What it takes to find an author and the beginning of the list, in messages: a dozen pages are read,
/// where a message needs about one.
const FINDING_AN_AUTHOR: usize = 10;

impl Statement for ListingNewest {
    type Request = NewestRequest;
    type Answer = Option<Vec<MessageSummary>>;
    /// The longest list that is served, or as many messages in shorter ones.
    const LARGEST: usize = 1_000;
    /// While two are with PostgreSQL, what the others found is on its way to the clients.
    const AT_ONCE: usize = 4;

    const ONLY_READS: bool = true;

    fn weight(request: &NewestRequest) -> usize {
        usize::from(request.limit) + FINDING_AN_AUTHOR
    }

    async fn run(
        &self,
        database: &Database,
        requests: &[NewestRequest],
    ) -> Result<Vec<Self::Answer>, db::Error> {
        timelines::newest_of(database, requests).await
    }
}
