//! What clients see of users.

use poem_openapi::{Object, types::Example};
use time::{OffsetDateTime, macros::datetime};

use super::problem::Problem;
use crate::domain::{self, Counts, ProfileView, Username};

/// What everybody may see of a user.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct Profile {
    /// The name that the user signed up with.
    username: String,
    /// How the user wants to be called, if it is otherwise.
    #[oai(nullable)]
    display_name: Option<String>,
    /// What the user tells.
    #[oai(nullable)]
    bio: Option<String>,
    /// When the user signed up.
    joined_at: OffsetDateTime,
}

impl Example for Profile {
    fn example() -> Self {
        Self {
            username: "Roger Histand".to_owned(),
            display_name: Some("Roger".to_owned()),
            bio: Some("Anybody out there?".to_owned()),
            joined_at: datetime!(2020-02-21 00:21 UTC),
        }
    }
}

impl From<domain::Profile> for Profile {
    fn from(profile: domain::Profile) -> Self {
        Self {
            username: profile.username.to_string(),
            display_name: profile.display_name.map(|name| name.as_str().to_owned()),
            bio: profile.bio.map(|bio| bio.as_str().to_owned()),
            joined_at: profile.joined_at,
        }
    }
}

/// A user, with what only the caller may know.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct UserDetails {
    /// The name that the user signed up with.
    username: String,
    /// How the user wants to be called, if it is otherwise.
    #[oai(nullable)]
    display_name: Option<String>,
    /// What the user tells.
    #[oai(nullable)]
    bio: Option<String>,
    /// When the user signed up.
    joined_at: OffsetDateTime,
    /// How many messages the user has posted that are still there.
    messages: i64,
    /// How many follow the user.
    followers: i64,
    /// How many the user follows.
    following: i64,
    /// Whether the caller follows the user; false for who has no token.
    followed: bool,
    /// The e-mail address, for its owner alone.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
}

impl Example for UserDetails {
    fn example() -> Self {
        let Profile { username, display_name, bio, joined_at } = Profile::example();
        let email = Some("Roger+Histand@hotmail.com".to_owned());
        Self {
            username,
            display_name,
            bio,
            joined_at,
            messages: 12,
            followers: 3,
            following: 5,
            followed: false,
            email,
        }
    }
}

impl From<ProfileView> for UserDetails {
    fn from(seen: ProfileView) -> Self {
        let Profile { username, display_name, bio, joined_at } = seen.profile.into();
        let email = seen.email.as_ref().map(|email| email.as_str().to_owned());
        let Counts { messages, followers, following } = seen.counts;
        let followed = seen.followed;
        Self {
            username,
            display_name,
            bio,
            joined_at,
            messages,
            followers,
            following,
            followed,
            email,
        }
    }
}

/// The name of somebody who may exist. A malformed name is nobody's.
///
/// # Errors
/// When nobody can have that name.
pub(super) fn existing_user(raw: &str) -> Result<Username, Problem> {
    Username::parse(raw).map_err(|_| Problem::no_such_user(raw))
}

/// A name for the document.
pub(super) fn example_username() -> String {
    "Roger Histand".to_owned()
}
