//! The pages as values: what each of them shows, in the words and order of the original MiniTwit.

mod excerpt;
mod feed;
mod field;
mod format;
mod message;
mod messages;
mod open_graph;
mod people;
mod profile;
mod search;
mod settings;
mod site;
mod tag;
mod tokens;

use serde::Serialize;
use time::OffsetDateTime;

pub use feed::Feed;
pub use field::Field;
pub use message::{DeletePage, EditPage, MessagePage};
pub use messages::MessageList;
pub use open_graph::OpenGraph;
pub use people::{Direction, FollowsPage, PersonList};
pub use search::SearchPage;
pub use settings::{DeleteAccountPage, PasswordForm, ProfileForm, SettingsPage};
pub use site::Site;
pub use tag::TagPage;
pub use tokens::{NewTokenPage, TokenForm, TokensPage};

use super::templates::Page;
use crate::domain::{self, Counts, Cursor, Message, Profile};
use profile::ProfileHeader;

/// Where new messages are told of; a part of the JSON API.
const STREAM_PATH: &str = "/api/v1/stream";

/// What every page has around its content.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Frame {
    /// The name of whoever is signed in.
    pub viewer: Option<String>,
    /// What the viewer is told once, such as "You were logged in".
    pub flashes: Vec<String>,
}

/// The timeline of all, of the viewer, or of one user.
#[derive(Debug, Serialize)]
pub struct TimelinePage {
    frame: Frame,
    content: Content,
    list: MessageList,
    stream: Option<String>,
    open_graph: Option<OpenGraph>,
    #[serde(skip)]
    newest: Option<Cursor>,
}

/// Which timeline it is, and what stands above its messages.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Content {
    Public,
    Mine { compose: Compose },
    Profile(Box<ProfileHeader>),
}

/// The box to write a message in, empty at first.
#[derive(Debug, Default, Serialize)]
pub struct Compose {
    /// Why the last message was not accepted.
    pub error: Option<String>,
    /// The text that was not accepted, to be corrected.
    pub text: String,
}

/// How a viewer stands to the user whose profile it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowStatus {
    /// They are the same.
    Yourself,
    /// The viewer follows the user.
    Following,
    /// The viewer does not follow the user.
    NotFollowing,
}

impl TimelinePage {
    /// The messages of all.
    #[must_use]
    pub fn public(frame: Frame, messages: domain::Page<Message>) -> Self {
        Self::new(frame, Content::Public, "/public", messages)
    }

    /// The messages of the viewer and of those whom the viewer follows.
    #[must_use]
    pub fn mine(frame: Frame, compose: Compose, messages: domain::Page<Message>) -> Self {
        Self::new(frame, Content::Mine { compose }, "/", messages)
    }

    /// The messages of `owner`. There is no `follow_status` if nobody is signed in.
    #[must_use]
    pub fn profile(
        frame: Frame,
        (owner, counts): (&Profile, Counts),
        follow_status: Option<FollowStatus>,
        messages: domain::Page<Message>,
    ) -> Self {
        let header = ProfileHeader::new(owner, counts, follow_status);
        let path = header.path.clone();
        Self::new(frame, Content::Profile(Box::new(header)), &path, messages)
    }

    /// Says where scripts hear of newer messages than those of this page, which is the first one.
    #[must_use]
    pub fn live(mut self) -> Self {
        let timeline = match self.content {
            Content::Public => "public",
            Content::Mine { .. } => "own",
            Content::Profile { .. } => return self,
        };
        // What comes between this page and the stream's beginning is told of, too.
        let newest = self.newest.unwrap_or(Cursor::new(OffsetDateTime::UNIX_EPOCH, 0));
        let stream = format!("{STREAM_PATH}?timeline={timeline}&last_event_id={newest}");
        self.stream = Some(stream);
        self
    }

    /// Tells other sites what to show of it.
    #[must_use]
    pub fn described(self, open_graph: OpenGraph) -> Self {
        Self { open_graph: Some(open_graph), ..self }
    }

    fn new(frame: Frame, content: Content, path: &str, messages: domain::Page<Message>) -> Self {
        let newest = messages.items.first().map(Message::cursor);
        let list = MessageList::new(&frame, path, messages);
        Self { frame, content, list, stream: None, open_graph: None, newest }
    }
}

impl Page for TimelinePage {
    const TEMPLATE: &'static str = "timeline.html";
}

/// The form to sign in.
#[derive(Debug, Default, Serialize)]
pub struct LoginPage {
    /// What every page has.
    pub frame: Frame,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The name of the last attempt.
    pub username: String,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
}

/// The form to sign up.
#[derive(Debug, Default, Serialize)]
pub struct RegisterPage {
    /// What every page has.
    pub frame: Frame,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The name of the last attempt.
    pub username: String,
    /// The e-mail address of the last attempt.
    pub email: String,
}

impl Page for RegisterPage {
    const TEMPLATE: &'static str = "register.html";
}

/// A request that failed.
#[derive(Debug, Serialize)]
pub struct ErrorPage {
    frame: Frame,
    status: u16,
    heading: &'static str,
    text: String,
    request_id: Option<String>,
}

impl ErrorPage {
    /// The page of an HTTP status, in its usual words.
    #[must_use]
    pub fn new(frame: Frame, status: u16) -> Self {
        let (heading, text) = wording(status);
        Self { frame, status, heading, text: text.to_owned(), request_id: None }
    }

    /// Says `text` instead of the usual words.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Shows the id by which the operators find the request in the log.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// The heading and the text of an HTTP status; those of 500 where it is none that MiniTwit answers.
fn wording(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("Bad Request", "MiniTwit does not understand what your browser sent."),
        401 => ("Unauthorized", "You have to sign in to do this."),
        403 => ("Forbidden", "You are not allowed to do this."),
        404 => ("Not Found", "There is nothing here. The address may be misspelled."),
        405 => ("Method Not Allowed", "This address does not take that kind of request."),
        408 => ("Request Timeout", "Your request took too long to arrive. Please try again."),
        413 => ("Content Too Large", "That is more than MiniTwit takes at once."),
        415 => ("Unsupported Media Type", "MiniTwit takes nothing but forms here."),
        429 => ("Too Many Requests", "That was a little too fast. Please try again in a minute."),
        503 => ("Service Unavailable", "MiniTwit is busy just now. Please try again in a minute."),
        _ => ("Internal Server Error", "Something went wrong on our side. Please try again later."),
    }
}

#[cfg(test)]
mod tests;
