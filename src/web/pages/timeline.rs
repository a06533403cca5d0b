//! The public timeline, the viewer's own timeline, and the timeline of one author.

use serde::Serialize;
use time::OffsetDateTime;

use super::{
    field::Field,
    frame::Frame,
    message_list::MessageList,
    open_graph::OpenGraph,
    person_list::PersonList,
    profile::{FollowStatus, ProfileHeader},
};
use crate::{
    domain::{self, Counts, Cursor, Message, Profile},
    web::{once::new_key, templates::Page},
};

const STREAM_PATH: &str = "/api/v1/stream";

#[derive(Debug, Serialize)]
pub struct TimelinePage {
    frame: Frame,
    content: Content,
    list: MessageList,
    stream: Option<String>,
    open_graph: Option<OpenGraph>,
    /// People to follow, on an own timeline that is empty.
    people: Option<PersonList>,
    #[serde(skip)]
    newest: Option<Cursor>,
}

/// The content above the messages.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Content {
    Public,
    Own {
        text: Field,
        /// The once-only key of the form.
        key: String,
    },
    Profile(Box<ProfileHeader>),
}

impl TimelinePage {
    pub fn public(frame: Frame, messages: domain::Page<Message>) -> Self {
        Self::new(frame, Content::Public, "/public", messages)
    }

    /// The viewer's own timeline; `text` is the field for a new message.
    pub fn own(frame: Frame, text: Field, messages: domain::Page<Message>) -> Self {
        Self::new(frame, Content::Own { text, key: new_key() }, "/", messages)
    }

    /// The timeline of `author`. `follow_status` is `None` if the viewer is signed out.
    pub fn profile(
        frame: Frame,
        (author, counts): (&Profile, Counts),
        follow_status: Option<FollowStatus>,
        messages: domain::Page<Message>,
    ) -> Self {
        let header = ProfileHeader::new(author, counts, follow_status);
        let path = header.path.clone();
        Self::new(frame, Content::Profile(Box::new(header)), &path, messages)
    }

    /// Makes the page announce new messages; only for the first page of a timeline.
    pub fn live(mut self) -> Self {
        let timeline = match self.content {
            Content::Public => "public",
            Content::Own { .. } => "own",
            Content::Profile(_) => return self,
        };
        // The stream starts after the page's newest message, so no message is lost between the two.
        let newest = self.newest.unwrap_or(Cursor::new(OffsetDateTime::UNIX_EPOCH, 0));
        self.stream = Some(format!("{STREAM_PATH}?timeline={timeline}&after={newest}"));
        self
    }

    pub fn with_people_to_follow(self, people: &[Profile]) -> Self {
        Self { people: Some(PersonList::of(people)), ..self }
    }

    pub fn with_open_graph(self, open_graph: OpenGraph) -> Self {
        Self { open_graph: Some(open_graph), ..self }
    }

    fn new(frame: Frame, content: Content, path: &str, messages: domain::Page<Message>) -> Self {
        let newest = messages.items.first().map(Message::cursor);
        let list = MessageList::new(&frame, path, messages);
        Self { frame, content, list, stream: None, open_graph: None, people: None, newest }
    }
}

impl Page for TimelinePage {
    const TEMPLATE: &'static str = "timeline.html";
}
