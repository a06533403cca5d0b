//! Users as pages list them, with the template `people.html`; and those whom a user follows or who
//! follow the user.

use std::fmt::Display;

use serde::Serialize;

use super::{
    Frame,
    profile::{shown_bio, shown_name},
};
use crate::{
    domain::{self, Profile, Username},
    web::{
        links::{avatar_path, profile_path},
        templates::Page,
    },
};

/// Some users, and the way to further ones. A page has it as its field `people`, and its template
/// includes `people.html`.
#[derive(Debug, Serialize)]
pub struct PersonList {
    items: Vec<Person>,
    /// The first page, where this is none.
    first: Option<String>,
    next: Option<String>,
    /// What is said where there is nobody.
    nobody: String,
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
    /// The users of a page whose address is `here`, percent-encoded and without a cursor. It may have
    /// a query. `later` tells that it is not the first page of its list.
    #[must_use]
    pub fn new<C: Display>(
        here: &str,
        later: bool,
        page: domain::Page<Profile, C>,
        nobody: String,
    ) -> Self {
        let sign = if here.contains('?') { '&' } else { '?' };
        Self {
            items: page.items.iter().map(Person::from).collect(),
            first: later.then(|| here.to_owned()),
            next: page.next.map(|cursor| format!("{here}{sign}before={cursor}")),
            nobody,
        }
    }
}

impl From<&Profile> for Person {
    fn from(profile: &Profile) -> Self {
        Self {
            username: profile.username.to_string(),
            profile: profile_path(&profile.username),
            avatar: avatar_path(&profile.username),
            display_name: shown_name(profile),
            bio: shown_bio(profile),
        }
    }
}

/// Which way the follows of a list go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Those who follow the user.
    Followers,
    /// Those whom the user follows.
    Following,
}

/// Those who follow a user, or whom the user follows.
#[derive(Debug, Serialize)]
pub struct FollowsPage {
    frame: Frame,
    owner: String,
    path: String,
    avatar: String,
    direction: Direction,
    people: PersonList,
}

impl FollowsPage {
    /// The page of `people`; `later` tells that it is not the first one.
    #[must_use]
    pub fn new(
        frame: Frame,
        owner: &Username,
        direction: Direction,
        later: bool,
        people: domain::Page<Profile>,
    ) -> Self {
        let path = profile_path(owner);
        let (here, nobody) = match direction {
            Direction::Followers => {
                (format!("{path}/followers"), format!("Nobody follows {owner} yet."))
            }
            Direction::Following => {
                (format!("{path}/following"), format!("{owner} follows nobody yet."))
            }
        };
        Self {
            frame,
            owner: owner.to_string(),
            avatar: avatar_path(owner),
            people: PersonList::new(&here, later, people, nobody),
            path,
            direction,
        }
    }
}

impl Page for FollowsPage {
    const TEMPLATE: &'static str = "follows.html";
}
