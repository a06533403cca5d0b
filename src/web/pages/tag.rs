//! The messages that have a tag.

use serde::Serialize;

use super::{Frame, MessageList, Page};
use crate::{
    domain::{self, Message, Tag},
    web::links::tag_path,
};

/// One tag's messages.
#[derive(Debug, Serialize)]
pub struct TagPage {
    frame: Frame,
    tag: String,
    list: MessageList,
}

impl TagPage {
    /// These messages of this tag.
    #[must_use]
    pub fn new(frame: Frame, tag: &Tag, messages: domain::Page<Message>) -> Self {
        let list = MessageList::new(&frame, &tag_path(tag), messages)
            .or_else("No message has this tag so far.");
        Self { frame, tag: tag.to_string(), list }
    }
}

impl Page for TagPage {
    const TEMPLATE: &'static str = "tag.html";
}
