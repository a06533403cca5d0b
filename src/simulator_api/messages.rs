//! Posting and reading messages.

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::{Json, PlainText},
    types::Example,
};

use serde::Serialize;

use super::{
    Resource,
    auth::Authorized,
    failure::{Answer, ReadFailure, UserReadFailure, UserWriteFailure},
    in_flight,
    params::{
        CommandNumber, ItemCount, Text, default_count, example_latest, example_username,
        existing_user,
    },
    rejected_command::Command,
};
use crate::{
    domain::{Message, MessageText},
    service::Service,
};

/// A message to post.
#[derive(Debug, Object)]
#[oai(example)]
struct NewMessage {
    /// What to say: 1 to 280 characters.
    #[oai(default)]
    content: Text,
}

impl Example for NewMessage {
    fn example() -> Self {
        Self { content: "Anybody out there?".into() }
    }
}

/// A message that was posted.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct PostedMessage {
    /// What it says.
    content: String,
    /// When it was posted: seconds since the Unix epoch, UTC.
    pub_date: i64,
    /// Who posted it.
    user: String,
}

impl Example for PostedMessage {
    fn example() -> Self {
        Self {
            content: "Anybody out there?".to_owned(),
            pub_date: 1_582_246_860,
            user: "Roger Histand".to_owned(),
        }
    }
}

impl From<Message> for PostedMessage {
    fn from(message: Message) -> Self {
        Self {
            content: message.text,
            pub_date: message.published_at.unix_timestamp(),
            user: message.author.to_string(),
        }
    }
}

#[derive(ApiResponse)]
enum MessageList {
    /// The messages, newest first.
    #[oai(status = 200, actual_type = "Json<Vec<PostedMessage>>")]
    Ok(PlainText<String>),
}

impl MessageList {
    /// Written as text at once: the library would make a tree of values first, which takes longer
    /// than the database does to find them.
    fn of(messages: impl Iterator<Item = PostedMessage>) -> Self {
        let posted: Vec<_> = messages.collect();
        // Texts and numbers: there is nothing that JSON could not say.
        Self::Ok(PlainText(serde_json::to_string(&posted).unwrap_or_default()))
    }
}

#[derive(ApiResponse)]
enum Posted {
    /// The message is posted, durably.
    #[oai(status = 204)]
    NoContent,
}

pub(super) struct Messages;

#[OpenApi(tag = "Resource::Messages")]
impl Messages {
    /// Everybody's messages
    ///
    /// The newest messages of all users. Flagged ones never appear.
    #[oai(path = "/msgs", method = "get", operation_id = "getMessages", transform = "in_flight")]
    async fn all(
        &self,
        _authorized: Authorized,
        /// How many messages; above 1,000 it counts as 1,000.
        #[oai(default = "default_count", example = "default_count")]
        no: Query<ItemCount>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        service: Data<&Service>,
    ) -> Result<MessageList, ReadFailure> {
        let page = service.public_timeline(None, no.0.0).await.map_err(Answer::from)?;
        Ok(MessageList::of(page.items.into_iter().map(PostedMessage::from)))
    }

    /// A user's messages
    ///
    /// The newest messages of that user. Flagged ones never appear.
    #[oai(
        path = "/msgs/:username",
        method = "get",
        operation_id = "getUserMessages",
        transform = "in_flight"
    )]
    async fn of_user(
        &self,
        _authorized: Authorized,
        /// Whose messages.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// How many messages; above 1,000 it counts as 1,000.
        #[oai(default = "default_count", example = "default_count")]
        no: Query<ItemCount>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        service: Data<&Service>,
    ) -> Result<MessageList, UserReadFailure> {
        let author = existing_user(&username)?;
        let user = author.to_string();
        let said = service.newest_of(author, no.0.0).await.map_err(Answer::from)?;
        Ok(MessageList::of(said.into_iter().map(|said| PostedMessage {
            content: said.text,
            pub_date: said.published_at.unix_timestamp(),
            user: user.clone(),
        })))
    }

    /// Post a message
    ///
    /// In the name of that user. Answered once the message is durable.
    #[oai(
        path = "/msgs/:username",
        method = "post",
        operation_id = "postMessage",
        transform = "in_flight"
    )]
    async fn post(
        &self,
        _authorized: Authorized,
        /// Who posts.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        message: Json<NewMessage>,
        service: Data<&Service>,
    ) -> Result<Posted, UserWriteFailure> {
        match post(&service, &username, &message).await {
            Ok(()) => Ok(Posted::NoContent),
            Err(answer) => {
                let text = message.content.loggable();
                Command::Tweet { username: &username, text }.rejected(&answer);
                Err(answer.into())
            }
        }
    }
}

async fn post(service: &Service, username: &str, message: &NewMessage) -> Result<(), Answer> {
    let text = MessageText::parse(message.content.of("content")?)
        .map_err(|refusal| Answer::invalid_field("content", refusal))?;
    let author = existing_user(username)?;
    service.post(author, text).await?;
    Ok(())
}
