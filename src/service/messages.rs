//! One message: reading, posting, editing, deleting.

use std::time::Duration;

use super::{Error, Service};
use crate::{
    db::{
        idempotency_keys::{self, PostedOnce},
        messages::{self, Changed},
    },
    domain::{IdempotencyKey, Message, MessageText, User, UserId},
    telemetry::metrics,
};

/// How long a key is kept: the clients that send a request again do so within a day.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Service {
    /// The message with this key.
    ///
    /// # Errors
    /// When there is none that may be seen, or when the database fails.
    pub async fn message(&self, id: i64) -> Result<Message, Error> {
        messages::by_id(self.database(), id).await?.ok_or(Error::UnknownMessage)
    }

    /// The message with this key, which `author` wrote and so may change.
    ///
    /// # Errors
    /// When it is somebody else's, when there is none that may be seen, or when the database fails.
    pub async fn own_message(&self, author: &User, id: i64) -> Result<Message, Error> {
        let message = self.message(id).await?;
        if message.author == author.username { Ok(message) } else { Err(Error::NotYours) }
    }

    /// Posts a message. Returns it when it is durable. Under a key that the author has used before,
    /// nothing is posted, and the message that was posted then is returned as it was.
    ///
    /// # Errors
    /// When the author has posted too much of late or is gone, or when the database fails.
    pub async fn post_once(
        &self,
        author: User,
        text: MessageText,
        key: Option<IdempotencyKey>,
    ) -> Result<Message, Error> {
        let Some(key) = key else {
            let place = self.post_as(author.clone(), text.clone()).await?;
            return Ok(Message {
                id: place.message_id(),
                author: author.username,
                text: text.as_str().to_owned(),
                published_at: place.published_at(),
                edited_at: None,
            });
        };
        if let Err(too_many) = self.inner.limits.post(author.id) {
            // What was posted is told all the same.
            let posted = idempotency_keys::message(self.database(), &author, &key).await?;
            return posted.ok_or(too_many);
        }
        let service = self.clone();
        self.finish(async move {
            let database = service.database();
            let posted = idempotency_keys::insert_message(database, author.id, &text, &key).await?;
            let PostedOnce { message, now } = posted.ok_or(Error::UnknownUser(author.username))?;
            if now {
                service.public_timeline_changed();
                metrics::posted(1);
            }
            Ok(message)
        })
        .await
    }

    /// Changes the text of a message of `author`'s. Returns the message as it is then.
    ///
    /// # Errors
    /// When it is somebody else's, when there is none, or when the database fails.
    pub async fn edit_message(
        &self,
        author: UserId,
        id: i64,
        text: MessageText,
    ) -> Result<Message, Error> {
        let service = self.clone();
        self.finish(async move {
            let edited = done(messages::edit(service.database(), author, id, &text).await?)?;
            service.public_timeline_changed();
            Ok(edited)
        })
        .await
    }

    /// Deletes a message of `author`'s.
    ///
    /// # Errors
    /// When it is somebody else's, when there is none, or when the database fails.
    pub async fn delete_message(&self, author: UserId, id: i64) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            done(messages::delete(service.database(), author, id).await?)?;
            service.public_timeline_changed();
            Ok(())
        })
        .await
    }

    /// Forgets the keys of more than a day ago. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_idempotency_keys(&self) -> Result<u64, Error> {
        Ok(idempotency_keys::sweep(self.database(), KEY_LIFETIME).await?)
    }
}

fn done<T>(changed: Changed<T>) -> Result<T, Error> {
    match changed {
        Changed::Done(result) => Ok(result),
        Changed::NotYours => Err(Error::NotYours),
        Changed::Unknown => Err(Error::UnknownMessage),
    }
}
