//! Messages as pages list them, with the template `messages.html`.

use serde::Serialize;
use time::OffsetDateTime;

use super::Frame;
use crate::{
    domain::{
        Cursor, Message, Page,
        rich_text::{Segment, segments},
    },
    web::links::{avatar_path, message_path, profile_path, tag_path},
};

/// Some messages, newest first, and the way to older ones. A page has it as its field `list`, and its
/// template includes `messages.html`.
#[derive(Debug, Serialize)]
pub struct MessageList {
    messages: Vec<Entry>,
    older: Option<String>,
    /// What is said where there is no message, if not the original's words.
    nothing: Option<&'static str>,
}

/// A message as a page shows it.
#[derive(Debug, Serialize)]
struct Entry {
    id: i64,
    path: String,
    author: String,
    profile: String,
    avatar: String,
    text: Vec<Part>,
    /// RFC 3339, to the second.
    datetime: String,
    /// As the original shows it.
    shown_time: String,
    /// When the text was last changed, likewise.
    edited: Option<String>,
    /// Whether the viewer wrote it, and so may edit and delete it.
    own: bool,
}

/// A part of a message's text, which leads somewhere or not.
#[derive(Debug, Serialize)]
struct Part {
    text: String,
    link: Option<String>,
    /// Whether the link leads out of MiniTwit, to where a user wants others to go.
    external: bool,
}

impl MessageList {
    /// The messages of a page in `frame` whose address is `here`, percent-encoded and without a cursor:
    /// the whole path, as a page may be the answer to a form that was sent elsewhere. It may have a query.
    #[must_use]
    pub fn new(frame: &Frame, here: &str, page: Page<Message>) -> Self {
        let viewer = frame.viewer.as_deref();
        Self {
            messages: page.items.into_iter().map(|message| Entry::new(message, viewer)).collect(),
            older: page.next.map(|cursor| older_url(here, cursor)),
            nothing: None,
        }
    }

    /// One message alone.
    #[must_use]
    pub fn of_one(frame: &Frame, message: Message) -> Self {
        Self::new(frame, "", Page { items: vec![message], next: None })
    }

    /// Says `nothing` where there is no message, instead of the original's words.
    #[must_use]
    pub fn or_else(self, nothing: &'static str) -> Self {
        Self { nothing: Some(nothing), ..self }
    }
}

impl Entry {
    fn new(message: Message, viewer: Option<&str>) -> Self {
        Self {
            id: message.id,
            path: message_path(message.id),
            own: viewer == Some(message.author.as_str()),
            author: message.author.to_string(),
            profile: profile_path(&message.author),
            avatar: avatar_path(&message.author),
            text: segments(&message.text).iter().map(Part::new).collect(),
            datetime: datetime(message.published_at),
            shown_time: shown_time(message.published_at),
            edited: message.edited_at.map(shown_time),
        }
    }
}

impl Part {
    fn new(segment: &Segment<'_>) -> Self {
        let link = match segment {
            Segment::Text(_) => None,
            Segment::Mention { username, .. } => Some(profile_path(username)),
            Segment::Tag { tag, .. } => Some(tag_path(tag)),
            Segment::Link(address) => Some((*address).to_owned()),
        };
        let external = matches!(segment, Segment::Link(_));
        Self { text: segment.source().to_owned(), link, external }
    }
}

/// The address of the page after `cursor`.
pub(super) fn older_url(here: &str, cursor: Cursor) -> String {
    let sign = if here.contains('?') { '&' } else { '?' };
    format!("{here}{sign}before={cursor}")
}

fn date(time: OffsetDateTime) -> String {
    format!("{:04}-{:02}-{:02}", time.year(), u8::from(time.month()), time.day())
}

/// RFC 3339, to the second.
pub(super) fn datetime(time: OffsetDateTime) -> String {
    let (hour, minute, second) = time.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(time))
}

fn shown_time(time: OffsetDateTime) -> String {
    let (hour, minute, _) = time.to_hms();
    format!("{} @ {hour:02}:{minute:02}", date(time))
}
