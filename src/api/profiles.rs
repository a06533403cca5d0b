//! Users in responses, and usernames in paths.

use poem_openapi::{Object, types::Example};
use time::{OffsetDateTime, macros::datetime};

use super::problem::Problem;
use crate::domain::{Counts, Profile, ProfileView, Username};

/// The public profile of a user.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct User {
    /// The username, which identifies the user and never changes. That of a user from another system
    /// need not follow the rules for new ones.
    username: String,
    /// The name to display instead of the username; null if the user has not set one.
    #[oai(nullable)]
    display_name: Option<String>,
    /// The user's self-description; null if the user has not set one.
    #[oai(nullable)]
    bio: Option<String>,
    /// The time of the sign-up.
    joined_at: OffsetDateTime,
}

impl Example for User {
    fn example() -> Self {
        Self {
            username: example_username(),
            display_name: Some("Roger".to_owned()),
            bio: Some("Anybody out there?".to_owned()),
            joined_at: datetime!(2020-02-21 00:21 UTC),
        }
    }
}

impl From<Profile> for User {
    fn from(profile: Profile) -> Self {
        Self {
            username: profile.username.to_string(),
            display_name: profile.display_name.map(|name| name.as_str().to_owned()),
            bio: profile.bio.map(|bio| bio.as_str().to_owned()),
            joined_at: profile.joined_at,
        }
    }
}

/// The profile of a user, with counts and what depends on the caller.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct UserDetails {
    #[oai(flatten)]
    profile: User,
    /// The number of the user's messages.
    messages: i64,
    /// The number of users who follow this user.
    followers: i64,
    /// The number of users that this user follows.
    following: i64,
    /// True if the caller follows the user; false if the request has no token.
    followed: bool,
    /// The e-mail address; present only if the caller is this user. That of a user from another system
    /// may be any text.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
}

impl Example for UserDetails {
    fn example() -> Self {
        Self {
            profile: User::example(),
            messages: 12,
            followers: 3,
            following: 5,
            followed: false,
            email: Some("Roger+Histand@hotmail.com".to_owned()),
        }
    }
}

impl From<ProfileView> for UserDetails {
    fn from(view: ProfileView) -> Self {
        let Counts { messages, followers, following } = view.counts;
        Self {
            profile: view.profile.into(),
            messages,
            followers,
            following,
            followed: view.followed,
            email: view.email.map(|email| email.as_str().to_owned()),
        }
    }
}

/// Parses a username in a path. An invalid one is 404, because no user can have it.
pub(super) fn path_username(raw: &str) -> Result<Username, Problem> {
    Username::parse(raw).map_err(|_| Problem::no_such_user(raw))
}

pub(super) fn example_username() -> String {
    "Roger Histand".to_owned()
}
