//! The search form and its results.

use serde::Serialize;

use super::{frame::Frame, message_list::MessageList, person_list::PersonList};
use crate::{
    domain::{Cursor, Message, NameCursor, Page, Profile},
    web::{
        links::{SearchScope, search_path},
        templates,
    },
};

#[derive(Debug, Serialize)]
pub struct SearchPage {
    frame: Frame,
    query: String,
    scope: SearchScope,
    error: Option<String>,
    in_messages: String,
    in_people: String,
    list: Option<MessageList>,
    people: Option<PersonList>,
}

impl SearchPage {
    /// The form without results.
    pub fn new(frame: Frame, query: &str, scope: SearchScope) -> Self {
        Self {
            frame,
            query: query.to_owned(),
            scope,
            error: None,
            in_messages: search_path(query, SearchScope::Messages),
            in_people: search_path(query, SearchScope::People),
            list: None,
            people: None,
        }
    }

    pub fn with_error(self, error: String) -> Self {
        Self { error: Some(error), ..self }
    }

    pub fn with_messages(mut self, found: Page<Message, Cursor>) -> Self {
        let list = MessageList::new(&self.frame, &self.in_messages, found).with_empty_text(
            "No message contains all of these words. Try fewer or different words.",
        );
        self.list = Some(list);
        self
    }

    pub fn with_people(mut self, is_first_page: bool, found: Page<Profile, NameCursor>) -> Self {
        let empty_text = "No username begins with this.";
        let people = PersonList::new(&self.in_people, is_first_page, found, empty_text);
        self.people = Some(people);
        self
    }
}

impl templates::Page for SearchPage {
    const TEMPLATE: &'static str = "search.html";
}
