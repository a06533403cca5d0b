//! The page of one message, and its author's forms to edit and delete it.

use serde::Serialize;

use super::{
    field::Field, frame::Frame, message_list::MessageList, open_graph::OpenGraph, site::Site,
};
use crate::{
    domain::{Message, THREAD_MAX_PARENTS, Thread},
    web::{
        links::{message_path, reply_path},
        once::new_key,
        templates::Page,
    },
};

/// The message with the messages above and below it.
#[derive(Debug, Serialize)]
pub struct MessagePage {
    frame: Frame,
    author: String,
    open_graph: OpenGraph,
    above: Above,
    parents: Option<MessageList>,
    list: MessageList,
    /// The form for a reply; absent if the viewer is signed out.
    reply: Option<ReplyForm>,
    sign_in_to_reply: String,
    replies: Option<MessageList>,
}

/// What precedes the first message that the page shows.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Above {
    Nothing,
    /// A message that was deleted or flagged.
    Gone,
    /// Messages that did not fit.
    More {
        path: String,
    },
}

#[derive(Debug, Serialize)]
struct ReplyForm {
    path: String,
    /// The once-only key of the form.
    key: String,
    text: Field,
    has_focus: bool,
}

impl MessagePage {
    pub fn new(frame: Frame, site: &Site, thread: Thread) -> Self {
        let Thread { parents, message, replies } = thread;
        let (id, path) = (message.id, message_path(message.id));
        let first = parents.first().unwrap_or(&message);
        let above = match &first.in_reply_to {
            None => Above::Nothing,
            Some(parent) if parents.len() >= THREAD_MAX_PARENTS => {
                Above::More { path: message_path(parent.id) }
            }
            Some(_) => Above::Gone,
        };
        let reply = frame.viewer.as_ref().map(|_| ReplyForm {
            path: reply_path(id),
            key: new_key(),
            text: Field::default(),
            has_focus: false,
        });
        let has_replies = !replies.items.is_empty() || replies.next.is_some();
        Self {
            author: message.author.to_string(),
            open_graph: OpenGraph::of_message(site, &message),
            above,
            parents: (!parents.is_empty()).then(|| MessageList::conversation(&frame, parents)),
            list: MessageList::conversation(&frame, vec![message]),
            reply,
            sign_in_to_reply: reply_path(id),
            replies: has_replies.then(|| MessageList::replies(&frame, &path, replies)),
            frame,
        }
    }

    /// Shows this text in the form for a reply, with the focus.
    pub fn with_reply(mut self, text: Field) -> Self {
        if let Some(reply) = &mut self.reply {
            reply.text = text;
            reply.has_focus = true;
        }
        self
    }
}

impl Page for MessagePage {
    const TEMPLATE: &'static str = "message.html";
}

#[derive(Debug, Serialize)]
pub struct EditPage {
    frame: Frame,
    path: String,
    text: Field,
}

impl EditPage {
    pub fn new(frame: Frame, id: i64, text: Field) -> Self {
        Self { frame, path: message_path(id), text }
    }
}

impl Page for EditPage {
    const TEMPLATE: &'static str = "edit.html";
}

/// Asks for confirmation before a message is deleted.
#[derive(Debug, Serialize)]
pub struct DeletePage {
    frame: Frame,
    path: String,
    text: String,
}

impl DeletePage {
    pub fn new(frame: Frame, message: Message) -> Self {
        Self { frame, path: message_path(message.id), text: message.text }
    }
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "delete.html";
}
