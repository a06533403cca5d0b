//! Posting and reading messages.

use super::{Error, Service};
use crate::{
    db::messages::{self, AuthorTimeline},
    domain::{Cursor, Message, MessageText, Page, User, UserId, Username},
    telemetry::metrics,
};

impl Service {
    /// Posts a message. Returns when it is durable.
    ///
    /// # Errors
    /// When there is no such author, or when the database fails.
    pub async fn post(&self, author: Username, text: MessageText) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            if !messages::insert(service.database(), &author, &text).await? {
                return Err(Error::UnknownUser(author));
            }
            metrics::posted();
            Ok(())
        })
        .await
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
        Ok(messages::public(self.database(), before, limit).await?)
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
        Ok(messages::own_timeline(self.database(), reader.id, before, limit).await?)
    }

    /// The messages of `author`, likewise, and whether `viewer` follows `author`.
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
        messages::by_author(self.database(), &author, viewer, before, limit)
            .await?
            .ok_or(Error::UnknownUser(author))
    }
}
