//! What stands above the messages of one user, with the template `profile.html`.

use serde::Serialize;

use super::{
    FollowStatus,
    format::{Day, counted},
};
use crate::{
    domain::{Bio, Counts, DisplayName, Profile},
    web::links::{avatar_path, profile_path},
};

/// A user's profile.
#[derive(Debug, Serialize)]
pub(super) struct ProfileHeader {
    owner: String,
    pub(super) path: String,
    avatar: String,
    display_name: Option<String>,
    bio: Option<String>,
    messages: String,
    followers: String,
    following: String,
    joined: Day,
    follow_status: Option<FollowStatus>,
}

impl ProfileHeader {
    pub(super) fn new(
        owner: &Profile,
        counts: Counts,
        follow_status: Option<FollowStatus>,
    ) -> Self {
        Self {
            owner: owner.username.to_string(),
            path: profile_path(&owner.username),
            avatar: avatar_path(&owner.username),
            display_name: shown_name(owner),
            bio: shown_bio(owner),
            messages: counted(counts.messages, "message", "messages"),
            followers: counted(counts.followers, "follower", "followers"),
            following: counted(counts.following, "following", "following"),
            joined: Day::of(owner.joined_at),
            follow_status,
        }
    }
}

/// How the user wants to be called, if it is otherwise.
pub(super) fn shown_name(profile: &Profile) -> Option<String> {
    profile.display_name.as_ref().map(DisplayName::as_str).map(ToOwned::to_owned)
}

/// What the user tells.
pub(super) fn shown_bio(profile: &Profile) -> Option<String> {
    profile.bio.as_ref().map(Bio::as_str).map(ToOwned::to_owned)
}
