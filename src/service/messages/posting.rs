//! Posting: in batches, or one message under an idempotency key.

use std::time::Duration;

use crate::{
    db::{
        idempotency_keys::{self, PostedOnce},
        messages::timelines::NewMessage,
    },
    domain::{Cursor, KeyedRequest, Message, MessageText, User, Username},
    service::{error::Error, state::Service},
    telemetry::metrics,
};

/// How long an idempotency key is stored. A client must retry within this time.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A message that a request posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedMessage {
    /// The message.
    pub message: Message,
    /// Whether an earlier request with the same key posted it.
    pub replayed: bool,
}

impl TryFrom<PostedOnce> for PostedMessage {
    type Error = Error;

    fn try_from(posted: PostedOnce) -> Result<Self, Error> {
        match posted {
            PostedOnce::Now(message) => Ok(Self { message, replayed: false }),
            PostedOnce::Before(message) => Ok(Self { message, replayed: true }),
            PostedOnce::KeyReused => Err(Error::IdempotencyKeyReused),
        }
    }
}

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
    /// If `request` posted before, returns the message as it was posted then, even above the rate
    /// limit. Returns an error if another request used the key, a rate limit is exceeded, or the
    /// author no longer exists.
    pub async fn post_once(
        &self,
        author: User,
        text: MessageText,
        request: Option<KeyedRequest>,
    ) -> Result<PostedMessage, Error> {
        let Some(request) = request else {
            let position = self.post_as(author.clone(), text.clone()).await?;
            let message = Message {
                id: position.message_id(),
                author: author.username,
                text: text.as_str().to_owned(),
                published_at: position.published_at(),
                edited_at: None,
            };
            return Ok(PostedMessage { message, replayed: false });
        };
        if let Err(limited) = self.inner.limits.check_post(author.id) {
            let posted = idempotency_keys::posted_before(self.database(), &author, &request);
            return posted.await?.ok_or(limited)?.try_into();
        }
        let service = self.clone();
        self.finish(async move {
            let posted =
                idempotency_keys::insert_message(service.database(), author.id, &text, &request);
            let posted = posted.await?.ok_or(Error::UnknownUser(author.username))?;
            if matches!(posted, PostedOnce::Now(_)) {
                service.public_timeline_changed();
                metrics::posted(1);
            }
            posted.try_into()
        })
        .await
    }

    /// Deletes idempotency keys that are older than a day. Returns their number.
    pub async fn sweep_idempotency_keys(&self) -> Result<u64, Error> {
        Ok(idempotency_keys::sweep(self.database(), KEY_LIFETIME).await?)
    }
}
