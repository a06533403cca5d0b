//! The messages with a tag.

use serde::Serialize;

use super::{frame::Frame, message_list::MessageList};
use crate::{
    domain::{self, Message, Tag},
    web::{bidi::isolate, links::tag_path, templates::Page},
};

#[derive(Debug, Serialize)]
pub struct TagPage {
    frame: Frame,
    /// The tag with its sign, isolated.
    tag: String,
    list: MessageList,
}

impl TagPage {
    pub fn new(frame: Frame, tag: &Tag, messages: domain::Page<Message>) -> Self {
        let list = MessageList::new(&frame, &tag_path(tag), messages)
            .with_empty_text("No message has this tag yet.");
        Self { frame, tag: isolate(&format!("#{tag}")).into_owned(), list }
    }
}

impl Page for TagPage {
    const TEMPLATE: &'static str = "tag.html";
}
