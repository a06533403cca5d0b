//! The page of one message, and its author's forms to edit and delete it.

use serde::Serialize;

use super::{
    field::Field, frame::Frame, message_list::MessageList, open_graph::OpenGraph, site::Site,
};
use crate::{
    domain::Message,
    web::{links::message_path, templates::Page},
};

#[derive(Debug, Serialize)]
pub struct MessagePage {
    frame: Frame,
    author: String,
    open_graph: OpenGraph,
    list: MessageList,
}

impl MessagePage {
    pub fn new(frame: Frame, site: &Site, message: Message) -> Self {
        let author = message.author.to_string();
        let open_graph = OpenGraph::of_message(site, &message);
        let list = MessageList::single(&frame, message);
        Self { frame, author, open_graph, list }
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
