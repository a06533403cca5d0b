//! A list of messages, shown by the template `messages.html`.

use serde::Serialize;

use super::{
    format::{rfc3339, short_time},
    frame::Frame,
};
use crate::{
    domain::{
        Message, Page, Reply,
        rich_text::{Segment, segments},
    },
    web::links::{avatar_path, message_path, next_page_path, profile_path, reply_path, tag_path},
};

/// Messages, newest first, and the link to older ones. Pages have it in their field `list`.
#[derive(Debug, Serialize)]
pub struct MessageList {
    messages: Vec<Item>,
    older: Option<String>,
    /// The text of an empty list; the original's if absent.
    empty_text: Option<&'static str>,
    /// True if the messages are replies, whose next page has later ones.
    is_thread: bool,
}

#[derive(Debug, Serialize)]
struct Item {
    id: i64,
    path: String,
    author: String,
    profile: String,
    avatar: String,
    text: Vec<TextPart>,
    datetime: String,
    shown_time: String,
    edited: Option<String>,
    /// True if the viewer is the author, who can edit and delete the message.
    own: bool,
    /// The page to reply to it; absent if the viewer is signed out.
    reply: Option<String>,
    replied_to: Option<RepliedTo>,
    /// The indentation in a thread.
    depth: u8,
    /// Whether its page has replies that this list does not contain.
    has_more: bool,
}

/// The message that a reply answers.
#[derive(Debug, Serialize)]
struct RepliedTo {
    path: String,
    /// `None` if the author is deleted, and the message with it.
    author: Option<String>,
}

/// A part of a message's text: plain, or a link.
#[derive(Debug, Serialize)]
struct TextPart {
    text: String,
    link: Option<String>,
    external: bool,
}

impl MessageList {
    /// The list at `path`, which is percent-encoded, has no cursor, and may have a query.
    pub fn new(frame: &Frame, path: &str, page: Page<Message>) -> Self {
        let viewer = frame.viewer.as_deref();
        Self {
            messages: page.items.into_iter().map(|message| Item::new(message, viewer)).collect(),
            older: page.next.map(|cursor| next_page_path(path, cursor)),
            empty_text: None,
            is_thread: false,
        }
    }

    /// Messages of which each replies to the one before it.
    pub fn conversation(frame: &Frame, messages: Vec<Message>) -> Self {
        let mut list = Self::new(frame, "", Page { items: messages, next: None });
        list.messages.iter_mut().for_each(|item| item.replied_to = None);
        list
    }

    /// The replies on the page of the message at `path`.
    pub fn replies(frame: &Frame, path: &str, page: Page<Reply>) -> Self {
        let viewer = frame.viewer.as_deref();
        let item = |reply: Reply| Item {
            replied_to: None,
            depth: reply.depth,
            has_more: reply.has_more,
            ..Item::new(reply.message, viewer)
        };
        Self {
            messages: page.items.into_iter().map(item).collect(),
            older: page.next.map(|cursor| next_page_path(path, cursor)),
            empty_text: None,
            is_thread: true,
        }
    }

    pub fn with_empty_text(self, text: &'static str) -> Self {
        Self { empty_text: Some(text), ..self }
    }
}

impl Item {
    fn new(message: Message, viewer: Option<&str>) -> Self {
        Self {
            id: message.id,
            path: message_path(message.id),
            own: viewer == Some(message.author.as_str()),
            author: message.author.to_string(),
            profile: profile_path(&message.author),
            avatar: avatar_path(&message.author),
            text: segments(&message.text).iter().map(TextPart::new).collect(),
            datetime: rfc3339(message.published_at),
            shown_time: short_time(message.published_at),
            edited: message.edited_at.map(short_time),
            reply: viewer.map(|_| reply_path(message.id)),
            replied_to: message.in_reply_to.map(|parent| RepliedTo {
                path: message_path(parent.id),
                author: parent.author.map(|author| author.to_string()),
            }),
            depth: 0,
            has_more: false,
        }
    }
}

impl TextPart {
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
