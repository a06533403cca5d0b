//! The header of a profile, shown by the template `profile.html`.

use serde::Serialize;

use super::format::{Day, counted};
use crate::{
    domain::{Bio, Counts, DisplayName, Profile},
    web::links::{avatar_path, feed_path, profile_path},
};

#[derive(Debug, Serialize)]
pub struct ProfileHeader {
    owner: String,
    pub path: String,
    feed: String,
    avatar: String,
    display_name: Option<String>,
    bio: Option<String>,
    messages: String,
    followers: String,
    following: String,
    joined: Day,
    follow_status: Option<FollowStatus>,
}

/// Whether the viewer follows the owner of the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowStatus {
    /// The viewer is the owner.
    Yourself,
    Following,
    NotFollowing,
}

impl ProfileHeader {
    pub fn new(owner: &Profile, counts: Counts, follow_status: Option<FollowStatus>) -> Self {
        Self {
            owner: owner.username.to_string(),
            path: profile_path(&owner.username),
            feed: feed_path(&owner.username),
            avatar: avatar_path(&owner.username),
            display_name: display_name(owner),
            bio: bio(owner),
            messages: counted(counts.messages, "message", "messages"),
            followers: counted(counts.followers, "follower", "followers"),
            following: counted(counts.following, "following", "following"),
            joined: Day::of(owner.joined_at),
            follow_status,
        }
    }
}

pub fn display_name(profile: &Profile) -> Option<String> {
    profile.display_name.as_ref().map(DisplayName::as_str).map(ToOwned::to_owned)
}

pub fn bio(profile: &Profile) -> Option<String> {
    profile.bio.as_ref().map(Bio::as_str).map(ToOwned::to_owned)
}
