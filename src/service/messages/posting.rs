//! Posting: in batches, or one message under an idempotency key.

use std::time::Duration;

use crate::{
    db::{
        idempotency_keys::{self, PostedOnce},
        messages::posting::{Inserted, NewMessage},
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
        let posted = self.insert(NewMessage { author, text, parent: None }).await?;
        Ok(posted.cursor())
    }

    /// Posts a message of a signed-in user, a reply to `parent`. Returns it when it is durable.
    ///
    /// If `request` posted before, returns the message as it was posted then, even above the rate
    /// limit. Returns an error if another request used the key, a rate limit is exceeded, the
    /// author no longer exists, or there is no message `parent`.
    pub async fn post_once(
        &self,
        author: User,
        text: MessageText,
        parent: Option<i64>,
        request: Option<KeyedRequest>,
    ) -> Result<PostedMessage, Error> {
        let allowed = self.inner.limits.check_post(author.id);
        let Some(request) = request else {
            allowed?;
            let message = NewMessage { author: author.username, text, parent };
            let message = self.insert(message).await?;
            return Ok(PostedMessage { message, replayed: false });
        };
        if let Err(limited) = allowed {
            return self.posted_before(&author, parent, &request).await?.ok_or(limited)?.try_into();
        }
        let service = self.clone();
        self.finish(async move {
            let posted = idempotency_keys::insert_message(
                service.database(),
                author.id,
                &text,
                parent,
                &request,
            );
            let posted = match posted.await? {
                Some(posted) => posted,
                None if parent.is_none() => return Err(Error::UnknownUser(author.username)),
                // The parent may have been deleted after the first request.
                None => {
                    let posted = service.posted_before(&author, parent, &request);
                    posted.await?.ok_or(Error::UnknownParent)?
                }
            };
            if matches!(posted, PostedOnce::Now(_)) {
                service.public_timeline_changed();
                metrics::posted(1);
            }
            posted.try_into()
        })
        .await
    }

    async fn insert(&self, message: NewMessage) -> Result<Message, Error> {
        let (author, text) = (message.author.clone(), message.text.as_str().to_owned());
        match self.inner.posts.submit(message).await? {
            Inserted::Posted { position, in_reply_to } => Ok(Message {
                id: position.message_id(),
                author,
                text,
                published_at: position.published_at(),
                edited_at: None,
                in_reply_to,
            }),
            Inserted::UnknownAuthor => Err(Error::UnknownUser(author)),
            Inserted::UnknownParent => Err(Error::UnknownParent),
        }
    }

    async fn posted_before(
        &self,
        author: &User,
        parent: Option<i64>,
        request: &KeyedRequest,
    ) -> Result<Option<PostedOnce>, Error> {
        let posted = idempotency_keys::posted_before(self.database(), author, parent, request);
        Ok(posted.await?)
    }

    /// Deletes idempotency keys that are older than a day. Returns their number.
    pub async fn sweep_idempotency_keys(&self) -> Result<u64, Error> {
        Ok(idempotency_keys::sweep(self.database(), KEY_LIFETIME).await?)
    }
}
