//! Messages: reading and changing one, posting, and timelines.

mod posting;
pub(super) mod statements;
mod timelines;

pub use posting::PostedMessage;

use super::{error::Error, state::Service};
use crate::{
    db::{
        Class,
        messages::{
            self, Changed,
            thread::{self, Context},
        },
    },
    domain::{Cursor, Message, MessageText, Page, Thread, User, UserId},
};

impl Service {
    /// The message with this id. Returns an error if it does not exist or is flagged.
    pub async fn message(&self, id: i64) -> Result<Message, Error> {
        messages::by_id(&self.reads(Class::LookUps), id).await?.ok_or(Error::UnknownMessage)
    }

    /// The message with this id, with the messages above it, and the replies after the cursor `after`.
    ///
    /// Returns an error if it does not exist or is flagged.
    pub async fn thread(
        &self,
        id: i64,
        after: Option<Cursor>,
        limit: u16,
    ) -> Result<Thread, Error> {
        let database = self.reads(Class::LookUps);
        let thread = thread::read(&database, id, Context::All, after, limit).await?;
        thread.ok_or(Error::UnknownMessage)
    }

    /// The messages above the message with this id, oldest first.
    ///
    /// Returns an error if it does not exist or is flagged.
    pub async fn parents(&self, id: i64) -> Result<Vec<Message>, Error> {
        let database = self.reads(Class::LookUps);
        let thread = thread::read(&database, id, Context::Parents, None, 0).await?;
        Ok(thread.ok_or(Error::UnknownMessage)?.parents)
    }

    /// The replies to the message with this id after the cursor `after`, oldest first.
    ///
    /// Returns an error if it does not exist or is flagged.
    pub async fn replies(
        &self,
        id: i64,
        after: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Message>, Error> {
        let database = self.reads(Class::LookUps);
        let thread = thread::read(&database, id, Context::None, after, limit).await?;
        let Page { items, next } = thread.ok_or(Error::UnknownMessage)?.replies;
        Ok(Page { items: items.into_iter().map(|reply| reply.message).collect(), next })
    }

    /// The message with this id, which `author` wrote.
    ///
    /// Returns an error if it belongs to another user, does not exist or is flagged.
    pub async fn own_message(&self, author: &User, id: i64) -> Result<Message, Error> {
        let message = self.message(id).await?;
        if message.author == author.username { Ok(message) } else { Err(Error::NotYours) }
    }

    /// Changes the text of a message of `author`. Returns the changed message.
    ///
    /// Returns an error if a rate limit is exceeded, or if the message is another user's, does not
    /// exist or is flagged.
    pub async fn edit_message(
        &self,
        author: UserId,
        id: i64,
        text: MessageText,
    ) -> Result<Message, Error> {
        self.inner.limits.check_change(author)?;
        let service = self.clone();
        self.finish(async move {
            let message = changed(messages::edit(service.database(), author, id, &text).await?)?;
            service.public_timeline_changed();
            Ok(message)
        })
        .await
    }

    /// The message with this id if `author` wrote it and `text` is its current text; `None` otherwise.
    /// An edit that changes nothing may have a text that no new message may have: an imported one.
    pub async fn unchanged_by(
        &self,
        author: &User,
        id: i64,
        text: &str,
    ) -> Result<Option<Message>, Error> {
        let message = messages::by_id(&self.reads(Class::LookUps), id).await?;
        Ok(message.filter(|message| message.author == author.username && message.has_text(text)))
    }

    /// Deletes a message of `author`.
    ///
    /// Returns an error if the message is another user's, does not exist or is flagged.
    pub async fn delete_message(&self, author: UserId, id: i64) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            changed(messages::delete(service.database(), author, id).await?)?;
            service.public_timeline_changed();
            Ok(())
        })
        .await
    }

    /// Incremented for each post, edit or delete on this server, before its response is sent.
    /// Changes by other replicas do not increment it.
    pub fn public_version(&self) -> u64 {
        *self.inner.public_version.borrow()
    }

    pub(super) fn public_timeline_changed(&self) {
        self.inner.public_version.send_modify(|version| *version += 1);
    }
}

fn changed<T>(outcome: Changed<T>) -> Result<T, Error> {
    match outcome {
        Changed::Done(result) => Ok(result),
        Changed::NotYours => Err(Error::NotYours),
        Changed::Unknown => Err(Error::UnknownMessage),
    }
}
