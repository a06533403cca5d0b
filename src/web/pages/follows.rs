//! The followers and the followees of a user.

use serde::Serialize;

use super::{frame::Frame, person_list::PersonList};
use crate::{
    domain::{self, Profile, Username},
    web::{
        bidi::isolate,
        links::{avatar_path, profile_path},
        templates::Page,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Followers,
    Following,
}

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
    pub fn new(
        frame: Frame,
        owner: &Username,
        direction: Direction,
        is_first_page: bool,
        people: domain::Page<Profile>,
    ) -> Self {
        let path = profile_path(owner);
        let name = isolate(owner.as_str());
        let (list_path, empty_text) = match direction {
            Direction::Followers => {
                (format!("{path}/followers"), format!("{name} has no followers yet."))
            }
            Direction::Following => {
                (format!("{path}/following"), format!("{name} does not follow anyone yet."))
            }
        };
        Self {
            frame,
            owner: owner.to_string(),
            avatar: avatar_path(owner),
            people: PersonList::new(&list_path, is_first_page, people, empty_text),
            path,
            direction,
        }
    }
}

impl Page for FollowsPage {
    const TEMPLATE: &'static str = "follows.html";
}
