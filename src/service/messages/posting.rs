//! Posting: in batches, or one message under an idempotency key.

use std::time::Duration;

use crate::{
    db::{
        idempotency_keys::{self, PostedOnce},
        messages::timelines::NewMessage,
    },
    domain::{Cursor, IdempotencyKey, Message, MessageText, User, Username},
    service::{error::Error, state::Service},
    telemetry::metrics,
};

/// How long an idempotency key is stored. A client must retry within this time.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Service {
    /// Posts a message without a rate limit. Returns its position when it is durable.
    ///
    /// Returns an error if the author does not exist.
    pub async fn post(&self, author: Username, text: MessageText) -> Result<Cursor, Error> {
        let message = NewMessage { author: author.clone(), text };
        let position = self.inner.posts.submit(message).await?;
        position.ok_or(Error::UnknownUser(author))
    }

    /// Posts a message of a signed-in user. Returns its position when it is durable.
    ///
    /// Returns an error if a rate limit is exceeded or the author no longer exists.
    pub async fn post_as(&self, author: User, text: MessageText) -> Result<Cursor, Error> {
        self.inner.limits.check_post(author.id)?;
        self.post(author.username, text).await
    }

    /// Posts a message of a signed-in user. Returns it when it is durable.
    ///
    /// If the author has used `key` before, returns the first message as it was posted, even above
    /// the rate limit. Returns an error if a rate limit is exceeded or the author no longer exists.
    pub async fn post_once(
        &self,
        author: User,
        text: MessageText,
        key: Option<IdempotencyKey>,
    ) -> Result<Message, Error> {
        let Some(key) = key else {
            let position = self.post_as(author.clone(), text.clone()).await?;
            return Ok(Message {
                id: position.message_id(),
                author: author.username,
                text: text.as_str().to_owned(),
                published_at: position.published_at(),
                edited_at: None,
            });
        };
        if let Err(limited) = self.inner.limits.check_post(author.id) {
            let posted = idempotency_keys::message(self.database(), &author, &key).await?;
            return posted.ok_or(limited);
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

    /// Deletes idempotency keys that are older than a day. Returns their number.
    pub async fn sweep_idempotency_keys(&self) -> Result<u64, Error> {
        Ok(idempotency_keys::sweep(self.database(), KEY_LIFETIME).await?)
    }
}
