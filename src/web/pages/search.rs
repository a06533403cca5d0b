//! The page to search on.

use serde::Serialize;

use super::{Frame, MessageList, PersonList};
use crate::{
    domain::{Cursor, Message, NameCursor, Page, Profile},
    web::{
        links::{SearchScope, search_path},
        templates,
    },
};

/// The form to search by, and what was found.
#[derive(Debug, Serialize)]
pub struct SearchPage {
    frame: Frame,
    query: String,
    sought: SearchScope,
    error: Option<String>,
    /// The same search among messages.
    in_messages: String,
    /// The same search among people.
    in_people: String,
    list: Option<MessageList>,
    people: Option<PersonList>,
}

impl SearchPage {
    /// The form alone, with `query` in it.
    #[must_use]
    pub fn new(frame: Frame, query: &str, sought: SearchScope) -> Self {
        Self {
            frame,
            query: query.to_owned(),
            sought,
            error: None,
            in_messages: search_path(query, SearchScope::Messages),
            in_people: search_path(query, SearchScope::People),
            list: None,
            people: None,
        }
    }

    /// Says why the query was refused.
    #[must_use]
    pub fn with_error(self, error: String) -> Self {
        Self { error: Some(error), ..self }
    }

    /// Shows these messages.
    #[must_use]
    pub fn with_messages(mut self, found: Page<Message, Cursor>) -> Self {
        let list = MessageList::new(&self.frame, &self.in_messages, found);
        self.list =
            Some(list.or_else("No message has these words. Other ones, or fewer, may help."));
        self
    }

    /// Shows these users; `later` tells that it is not the first page of them.
    #[must_use]
    pub fn with_people(mut self, later: bool, found: Page<Profile, NameCursor>) -> Self {
        let nobody = "Nobody's username begins like that.".to_owned();
        self.people = Some(PersonList::new(&self.in_people, later, found, nobody));
        self
    }
}

impl templates::Page for SearchPage {
    const TEMPLATE: &'static str = "search.html";
}
