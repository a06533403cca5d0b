//! Post, read, edit and delete single messages; the public timeline.

use poem::{http::HeaderMap, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path},
    payload::Json,
    types::Example,
};
use time::{OffsetDateTime, macros::datetime};

use super::{
    auth::{Caller, OptionalCaller, Write},
    failure::{Failure, failures},
    fields::{FieldErrors, Unparsed},
    idempotency::{IDEMPOTENCY_KEY, KeyedHash},
    paging::{
        CursorParam, LimitParam, PageParams, PageRequest, PageResponse, default_limit,
        example_cursor,
    },
    paths,
    profiles::example_username,
    tags::Tag,
};
use crate::{
    domain::{self, Cursor, IdempotencyKey, KeyedRequest, MessageText},
    service::Service,
};

/// A message.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct Message {
    /// The id of the message.
    id: i64,
    /// The username of the author.
    author: String,
    /// The text. That of a message from another system may be empty, or longer than a new text may be.
    text: String,
    /// The time at which the message was posted.
    published_at: OffsetDateTime,
    /// The time of the last edit; null if the message was never edited.
    #[oai(nullable)]
    edited_at: Option<OffsetDateTime>,
    /// The message that this one replies to; null if it is no reply.
    #[oai(nullable)]
    in_reply_to: Option<ParentMessage>,
}

/// The message that a reply answers. It may be deleted.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct ParentMessage {
    /// The id of that message.
    id: i64,
    /// The username of its author; null if the account is deleted.
    #[oai(nullable)]
    username: Option<String>,
}

impl Example for ParentMessage {
    fn example() -> Self {
        Self { id: 6, username: Some(example_username()) }
    }
}

impl Example for Message {
    fn example() -> Self {
        Self {
            id: example_id(),
            author: example_username(),
            text: "Anybody out there?".to_owned(),
            published_at: datetime!(2020-02-21 00:21 UTC),
            edited_at: None,
            in_reply_to: Some(ParentMessage::example()),
        }
    }
}

impl From<domain::Message> for Message {
    fn from(message: domain::Message) -> Self {
        Self {
            id: message.id,
            author: message.author.to_string(),
            text: message.text,
            published_at: message.published_at,
            edited_at: message.edited_at,
            in_reply_to: message.in_reply_to.map(|parent| ParentMessage {
                id: parent.id,
                username: parent.author.map(|author| author.to_string()),
            }),
        }
    }
}

/// A message to post.
#[derive(Object)]
#[oai(example)]
struct NewMessage {
    /// The text: 1 to 280 characters, at least one of them visible. CR LF counts as one character.
    #[oai(validator(
        min_length = 1,
        max_length = 280,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    ))]
    text: Unparsed<String>,
    /// The id of the message that this one replies to; absent or null if it is no reply.
    #[oai(nullable)]
    in_reply_to: Unparsed<Option<i64>>,
}

impl Example for NewMessage {
    fn example() -> Self {
        Self { text: "Anybody out there?".into(), in_reply_to: serde_json::Value::Null.into() }
    }
}

/// The new content of a message.
#[derive(Object)]
#[oai(example)]
struct MessageContent {
    /// The text: 1 to 280 characters, at least one of them visible. CR LF counts as one character.
    #[oai(validator(
        min_length = 1,
        max_length = 280,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    ))]
    text: Unparsed<String>,
}

impl Example for MessageContent {
    fn example() -> Self {
        Self { text: "Anybody out there?".into() }
    }
}

#[derive(ApiResponse)]
enum CreateResponse {
    /// The message is posted.
    #[oai(status = 201)]
    Created(
        Json<Message>,
        /// The path of the message.
        #[oai(header = "Location")]
        String,
        /// `true` if an earlier request with the same `Idempotency-Key` posted the message; otherwise absent.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
}

#[derive(ApiResponse)]
enum MessageResponse {
    /// The message.
    #[oai(status = 200)]
    Ok(Json<Message>),
}

#[derive(ApiResponse)]
enum DeleteResponse {
    /// The message is deleted.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    Create = TOKEN | BODY, [IdempotencyKeyReused("Idempotency-Key"), RateLimited],
        "text": "You have to enter a message";
    List = OPTIONAL_TOKEN, [], "limit": "must be an integer from 1 to 100";
    Get = OPTIONAL_TOKEN, [UnknownMessage, UnknownPath];
    Edit = TOKEN | BODY, [NotYours, UnknownMessage, UnknownPath, RateLimited],
        "text": "You have to enter a message";
    Delete = TOKEN, [NotYours, UnknownMessage, UnknownPath];
}

pub(super) struct Messages;

#[OpenApi(tag = "Tag::Messages")]
impl Messages {
    /// Post a message
    ///
    /// To retry safely, send an `Idempotency-Key`. The server binds the key to the method, path and
    /// body, and keeps it for 24 hours. The same request with this key posts nothing and gets the
    /// first response, with `Idempotent-Replayed: true`; of concurrent requests, one posts. Another
    /// body with this key is 422. Requires the scope `write`.
    ///
    /// A message with `in_reply_to` is a reply. Own timelines contain it if their readers follow both
    /// authors, and that of the user whom it answers. It stays a reply if the other message is deleted.
    ///
    /// No other operation needs a key: the other methods are idempotent, `POST /users` creates a
    /// username once, and a response with the secret of a token cannot be repeated.
    #[oai(path = "/messages", method = "post", operation_id = "createMessage")]
    async fn create(
        &self,
        caller: Caller<Write>,
        /// A value that identifies this post among the caller's posts, such as a UUID: 1 to 255
        /// visible ASCII characters.
        #[oai(
            name = "Idempotency-Key",
            example = "example_key",
            validator(min_length = 1, max_length = 255, pattern = "^[!-~]+$")
        )]
        key: Header<Unparsed<Option<String>>>,
        headers: &HeaderMap,
        hash: KeyedHash,
        content: Json<NewMessage>,
        service: Data<&Service>,
    ) -> Result<CreateResponse, Failure<Create>> {
        let mut errors = FieldErrors::default();
        let text = errors.string("text", content.0.text, MessageText::parse);
        let parent = errors.nullable_id("in_reply_to", content.0.in_reply_to);
        let key = key.0.or_header(headers, IDEMPOTENCY_KEY);
        let key = errors.string(IDEMPOTENCY_KEY, key, IdempotencyKey::parse);
        let text = errors.finish(text)?;
        let keyed = key.zip(hash.0).map(|(key, hash)| KeyedRequest { key, hash });
        let posted = service.post_once(caller.0.account.user, text, parent, keyed).await?;
        let location = paths::message(posted.message.id);
        let replayed = posted.replayed.then_some(true);
        Ok(CreateResponse::Created(Json(posted.message.into()), location, replayed))
    }

    /// Read the public timeline
    ///
    /// Returns the messages of all users, newest first.
    #[oai(path = "/messages", method = "get", operation_id = "listMessages")]
    async fn list(
        &self,
        _caller: OptionalCaller,
        /// The maximum number of messages in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor")]
        cursor: CursorParam<Cursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<List>> {
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        Ok(PageResponse::new(&request, service.public_timeline(before, limit).await?))
    }

    /// Read a message
    ///
    /// Returns the message with its current text. The path of a message never changes.
    #[oai(path = "/messages/:id", method = "get", operation_id = "getMessage")]
    async fn get(
        &self,
        _caller: OptionalCaller,
        /// The id of the message.
        #[oai(example = "example_id")]
        id: Path<i64>,
        service: Data<&Service>,
    ) -> Result<MessageResponse, Failure<Get>> {
        Ok(MessageResponse::Ok(Json(service.message(id.0).await?.into())))
    }

    /// Edit a message
    ///
    /// Replaces the text of one of the caller's messages, and sets `edited_at`. The message keeps
    /// its position in all timelines. A request with the current text changes nothing, even if its
    /// line breaks are of another kind (CR LF, LF), or if it is longer than a new text may be.
    /// Requires the scope `write`.
    #[oai(path = "/messages/:id", method = "patch", operation_id = "changeMessage")]
    async fn edit(
        &self,
        caller: Caller<Write>,
        /// The id of the message.
        #[oai(example = "example_id")]
        id: Path<i64>,
        content: Json<MessageContent>,
        service: Data<&Service>,
    ) -> Result<MessageResponse, Failure<Edit>> {
        let mut errors = FieldErrors::default();
        let raw = content.0.text.as_str().map(str::to_owned);
        let text = errors.string("text", content.0.text, MessageText::parse);
        let edited = match errors.finish(text) {
            Ok(text) => service.edit_message(caller.user.id, id.0, text).await?,
            Err(invalid) => {
                let Some(raw) = raw else { return Err(invalid.into()) };
                let unchanged = service.unchanged_by(&caller.user, id.0, &raw).await?;
                unchanged.ok_or(invalid)?
            }
        };
        Ok(MessageResponse::Ok(Json(edited.into())))
    }

    /// Delete a message
    ///
    /// Deletes one of the caller's messages immediately and permanently. Requires the scope `write`.
    #[oai(path = "/messages/:id", method = "delete", operation_id = "deleteMessage")]
    async fn delete(
        &self,
        caller: Caller<Write>,
        /// The id of the message.
        #[oai(example = "example_id")]
        id: Path<i64>,
        service: Data<&Service>,
    ) -> Result<DeleteResponse, Failure<Delete>> {
        service.delete_message(caller.user.id, id.0).await?;
        Ok(DeleteResponse::NoContent)
    }
}

pub(super) fn example_id() -> i64 {
    7
}

fn example_key() -> Unparsed<Option<String>> {
    "8e03978e-40d5-43dd-bc93-6894a57f9324".into()
}
