//! Messages: posting, and one at a time; and everybody's.

use poem::{http::HeaderMap, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::Example,
};
use time::{OffsetDateTime, macros::datetime};

use super::{
    PREFIX, Resource,
    auth::{Caller, MaybeCaller},
    failure::Failure,
    fields::{Field, OptionalField, Refusals},
    paging::{Limit, PageParams, PageRequest, PageResponse, default_limit},
    profiles::example_username,
};
use crate::http::openapi::statuses;
use crate::{
    domain::{self, Cursor, IdempotencyKey, MessageText},
    service::Service,
};

/// A message.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct Message {
    /// The number by which it is known.
    id: i64,
    /// The name of who wrote it.
    author: String,
    /// What it says.
    text: String,
    /// When it was published.
    published_at: OffsetDateTime,
    /// When its text was last changed; null if it never was.
    #[oai(nullable)]
    edited_at: Option<OffsetDateTime>,
}

impl Example for Message {
    fn example() -> Self {
        Self {
            id: example_id(),
            author: example_username(),
            text: "Anybody out there?".to_owned(),
            published_at: datetime!(2020-02-21 00:21 UTC),
            edited_at: None,
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
        }
    }
}

/// What to say.
#[derive(Object)]
#[oai(example)]
struct MessageBody {
    /// 1 to 280 characters, not all of them white space.
    text: Field<MessageText>,
}

impl Example for MessageBody {
    fn example() -> Self {
        Self { text: MessageText::parse("Anybody out there?").map_or(Field::Absent, Field::Given) }
    }
}

impl MessageBody {
    /// The text, and the key that came with it.
    fn read(
        self,
        key: OptionalField<IdempotencyKey>,
    ) -> Result<(MessageText, Option<IdempotencyKey>), super::problem::Problem> {
        let mut refusals = Refusals::default();
        let text = refusals.required("text", self.text);
        let key = refusals.optional("Idempotency-Key", key);
        Ok((refusals.all(text)?, key))
    }
}

#[derive(ApiResponse)]
enum Posted {
    /// The message is posted.
    #[oai(status = 201)]
    Created(
        Json<Message>,
        /// Where the message is.
        #[oai(header = "Location")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Shown {
    /// The message.
    #[oai(status = 200)]
    Ok(Json<Message>),
}

#[derive(ApiResponse)]
enum Deleted {
    /// The message is gone.
    #[oai(status = 204)]
    NoContent,
}

statuses! {
    Post = [400, 401, 408, 413, 415, 422, 429];
    List = [401, 422];
    Show = [401, 404];
    Edit = [400, 401, 403, 404, 408, 413, 415, 422];
    Delete = [401, 403, 404];
}

pub(super) struct Messages;

#[OpenApi(tag = "Resource::Messages")]
impl Messages {
    /// Post a message
    ///
    /// A client that cannot tell whether its request arrived sends it again with the same
    /// `Idempotency-Key`: then the message is posted once, and the answer is the first one, whatever
    /// the body says. A key is the caller's own, and is good for a day.
    #[oai(path = "/messages", method = "post", operation_id = "createMessage")]
    async fn post(
        &self,
        caller: Caller,
        /// A text that no other request of the caller's has: 1 to 255 visible ASCII characters.
        #[oai(name = "Idempotency-Key", example = "example_key")]
        key: Header<OptionalField<IdempotencyKey>>,
        headers: &HeaderMap,
        body: Json<MessageBody>,
        service: Data<&Service>,
    ) -> Result<Posted, Failure<Post>> {
        let (text, key) = body.0.read(key.0.of_header(headers, "Idempotency-Key"))?;
        let message = service.post_once(caller.0.user, text, key).await?;
        let location = format!("{PREFIX}/messages/{}", message.id);
        Ok(Posted::Created(Json(message.into()), location))
    }

    /// The public timeline
    ///
    /// Everybody's messages, newest first.
    #[oai(path = "/messages", method = "get", operation_id = "listMessages")]
    async fn list(
        &self,
        _caller: MaybeCaller,
        /// How many messages at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<Cursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<List>> {
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        Ok(PageResponse::new(&asked, service.public_timeline(before, limit).await?))
    }

    /// A message
    ///
    /// As it is now; its address is for good.
    #[oai(path = "/messages/:id", method = "get", operation_id = "getMessage")]
    async fn show(
        &self,
        _caller: MaybeCaller,
        /// The message's number.
        #[oai(example = "example_id")]
        id: Path<i64>,
        service: Data<&Service>,
    ) -> Result<Shown, Failure<Show>> {
        Ok(Shown::Ok(Json(service.message(id.0).await?.into())))
    }

    /// Edit an own message
    ///
    /// The message keeps its place on every timeline; `edited_at` tells when its text changed. The
    /// same text again changes nothing.
    #[oai(path = "/messages/:id", method = "patch", operation_id = "changeMessage")]
    async fn edit(
        &self,
        caller: Caller,
        /// The message's number.
        #[oai(example = "example_id")]
        id: Path<i64>,
        body: Json<MessageBody>,
        service: Data<&Service>,
    ) -> Result<Shown, Failure<Edit>> {
        let (text, _) = body.0.read(Field::Absent)?;
        let message = service.edit_message(caller.user.id, id.0, text).await?;
        Ok(Shown::Ok(Json(message.into())))
    }

    /// Delete an own message
    ///
    /// For good, and at once.
    #[oai(path = "/messages/:id", method = "delete", operation_id = "deleteMessage")]
    async fn delete(
        &self,
        caller: Caller,
        /// The message's number.
        #[oai(example = "example_id")]
        id: Path<i64>,
        service: Data<&Service>,
    ) -> Result<Deleted, Failure<Delete>> {
        service.delete_message(caller.user.id, id.0).await?;
        Ok(Deleted::NoContent)
    }
}

/// The place of the example, for the document.
pub(super) fn example_cursor() -> OptionalField<Cursor> {
    Cursor::new(datetime!(2020-02-21 00:21 UTC), example_id()).into()
}

fn example_id() -> i64 {
    7
}

fn example_key() -> OptionalField<IdempotencyKey> {
    IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324")
        .map_or(Field::Absent, Field::Given)
}
