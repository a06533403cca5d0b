//! Posting and reading messages.

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::{Json, PlainText},
    types::Example,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    auth::Authorized,
    error::{ErrorResponse, Failure, failures},
    judgement::user_first,
    params::{
        CommandNumber, ItemCount, JsonString, default_count, example_latest, example_username,
        existing_user,
    },
    rejected_command::Command,
    tags::Tag,
};
use crate::{domain::MessageText, service::Service};

/// A message to post.
#[derive(Debug, Object)]
#[oai(example)]
struct NewMessage {
    /// The text: 1 to 280 characters.
    content: JsonString,
}

impl Example for NewMessage {
    fn example() -> Self {
        Self { content: "Anybody out there?".into() }
    }
}

/// A message.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Message {
    /// The text. That of a message from another system may be empty or longer.
    content: String,
    /// The time of the post: seconds since the Unix epoch, UTC.
    pub_date: i64,
    /// The name of the author.
    user: String,
}

impl Message {
    fn new(content: String, published_at: OffsetDateTime, user: String) -> Self {
        Self { content, pub_date: published_at.unix_timestamp(), user }
    }
}

impl Example for Message {
    fn example() -> Self {
        Self {
            content: "Anybody out there?".to_owned(),
            pub_date: 1_582_246_860,
            user: "Roger Histand".to_owned(),
        }
    }
}

#[derive(ApiResponse)]
enum MessagesResponse {
    /// The messages, newest first.
    #[oai(status = 200, actual_type = "Json<Vec<Message>>")]
    Ok(PlainText<String>),
}

impl MessagesResponse {
    /// Serializes directly to text: poem-openapi's intermediate JSON tree takes longer than the query.
    fn new(messages: impl Iterator<Item = Message>) -> Self {
        let messages: Vec<_> = messages.collect();
        // Serializing strings and numbers cannot fail.
        Self::Ok(PlainText(serde_json::to_string(&messages).unwrap_or_default()))
    }
}

#[derive(ApiResponse)]
enum PostResponse {
    /// The message is committed.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    ReadMessages = [400: "no: must be a number that is not negative", 403];
    ReadUserMessages = [400: "no: must be a number that is not negative", 403, 404];
    PostMessage = [400: "content: You have to enter a message", 403, 404, 408, 413, 415];
}

pub(super) struct MessagesApi;

#[OpenApi(tag = "Tag::Messages")]
impl MessagesApi {
    /// List all messages
    ///
    /// Returns the newest messages of all users, without flagged ones.
    #[oai(path = "/msgs", method = "get", operation_id = "getMessages")]
    async fn all(
        &self,
        _authorized: Authorized,
        /// The maximum number of messages in the response; values above 1,000 count as 1,000.
        #[oai(default = "default_count", example = "default_count")]
        no: Query<ItemCount>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        service: Data<&Service>,
    ) -> Result<MessagesResponse, Failure<ReadMessages>> {
        let messages = service.newest_of_all(no.0.0).await?;
        Ok(MessagesResponse::new(messages.into_iter().map(|message| {
            Message::new(message.text, message.published_at, message.author.to_string())
        })))
    }

    /// List a user's messages
    ///
    /// Returns the newest messages of the user, without flagged ones.
    #[oai(path = "/msgs/:username", method = "get", operation_id = "getUserMessages")]
    async fn of_user(
        &self,
        _authorized: Authorized,
        /// The name of the author.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The maximum number of messages in the response; values above 1,000 count as 1,000.
        #[oai(default = "default_count", example = "default_count")]
        no: Query<ItemCount>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        service: Data<&Service>,
    ) -> Result<MessagesResponse, Failure<ReadUserMessages>> {
        let author = existing_user(&username)?;
        let user = author.to_string();
        let messages = service.newest_of(author, no.0.0).await?;
        Ok(MessagesResponse::new(
            messages
                .into_iter()
                .map(|message| Message::new(message.text, message.published_at, user.clone())),
        ))
    }

    /// Post a message
    ///
    /// Responds after the commit.
    #[oai(path = "/msgs/:username", method = "post", operation_id = "postMessage")]
    async fn post(
        &self,
        _authorized: Authorized,
        /// The name of the author.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        message: Json<NewMessage>,
        service: Data<&Service>,
    ) -> Result<PostResponse, Failure<PostMessage>> {
        match post(&service, &username, &message).await {
            Ok(()) => Ok(PostResponse::NoContent),
            Err(response) => {
                let response = user_first(&service, &username, response).await;
                let text = message.content.loggable();
                Command::Tweet { username: &username, text }.report_rejected(&response);
                Err(response.into())
            }
        }
    }
}

async fn post(
    service: &Service,
    username: &str,
    message: &NewMessage,
) -> Result<(), ErrorResponse> {
    let text = MessageText::parse(message.content.parse("content")?)
        .map_err(|error| ErrorResponse::invalid_field("content", error))?;
    service.post(existing_user(username)?, text).await?;
    Ok(())
}
