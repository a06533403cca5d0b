//! One message: its own page, and what its author does with it.

use serde::Serialize;

use super::{Compose, Frame, MessageList, OpenGraph, Page, Site};
use crate::{domain::Message, web::links::message_path};

/// A message alone.
#[derive(Debug, Serialize)]
pub struct MessagePage {
    frame: Frame,
    author: String,
    open_graph: OpenGraph,
    list: MessageList,
}

impl MessagePage {
    /// The page of this message.
    #[must_use]
    pub fn new(frame: Frame, site: &Site, message: Message) -> Self {
        let author = message.author.to_string();
        let open_graph = OpenGraph::of_message(site, &message);
        let list = MessageList::of_one(&frame, message);
        Self { frame, author, open_graph, list }
    }
}

impl Page for MessagePage {
    const TEMPLATE: &'static str = "message.html";
}

/// The form to edit a message.
#[derive(Debug, Serialize)]
pub struct EditPage {
    frame: Frame,
    path: String,
    compose: Compose,
}

impl EditPage {
    /// The form to edit the message with this key, and what is in it.
    #[must_use]
    pub fn new(frame: Frame, id: i64, compose: Compose) -> Self {
        Self { frame, path: message_path(id), compose }
    }
}

impl Page for EditPage {
    const TEMPLATE: &'static str = "edit.html";
}

/// The question whether a message is to be deleted.
#[derive(Debug, Serialize)]
pub struct DeletePage {
    frame: Frame,
    path: String,
    text: String,
}

impl DeletePage {
    /// The question about this message.
    #[must_use]
    pub fn new(frame: Frame, message: Message) -> Self {
        Self { frame, path: message_path(message.id), text: message.text }
    }
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "delete.html";
}
