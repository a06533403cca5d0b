//! A list of users, shown by the template `people.html`.

use std::fmt::Display;

use serde::Serialize;

use super::profile::{bio, display_name};
use crate::{
    domain::{self, Profile},
    web::links::{avatar_path, next_page_path, profile_path},
};

/// Users, and links to the next and the first page. Pages have it in their field `people`.
#[derive(Debug, Serialize)]
pub struct PersonList {
    items: Vec<Person>,
    /// `None` on the first page.
    first: Option<String>,
    next: Option<String>,
    empty_text: String,
}

#[derive(Debug, Serialize)]
struct Person {
    username: String,
    profile: String,
    avatar: String,
    display_name: Option<String>,
    bio: Option<String>,
}

impl PersonList {
    /// The list at `path`, which is percent-encoded, has no cursor, and may have a query.
    pub fn new<C: Display>(
        path: &str,
        is_first_page: bool,
        page: domain::Page<Profile, C>,
        empty_text: impl Into<String>,
    ) -> Self {
        Self {
            items: page.items.iter().map(Person::from).collect(),
            first: (!is_first_page).then(|| path.to_owned()),
            next: page.next.map(|cursor| next_page_path(path, cursor)),
            empty_text: empty_text.into(),
        }
    }
}

impl PersonList {
    /// A list without further pages.
    pub fn of(people: &[Profile]) -> Self {
        let items = people.iter().map(Person::from).collect();
        Self { items, first: None, next: None, empty_text: "Nobody has posted yet.".to_owned() }
    }
}

impl From<&Profile> for Person {
    fn from(profile: &Profile) -> Self {
        Self {
            username: profile.username.to_string(),
            profile: profile_path(&profile.username),
            avatar: avatar_path(&profile.username),
            display_name: display_name(profile),
            bio: bio(profile),
        }
    }
}
