//! What all clients may see of users.

use super::{error::Error, state::Service};
use crate::{
    db::{
        Class,
        users::{self, suggestions},
    },
    domain::{KeyCursor, Page, Profile, ProfileView, UserId, Username},
};

impl Service {
    /// All users, newest first, after the cursor `before`.
    pub async fn users(
        &self,
        before: Option<KeyCursor>,
        limit: u16,
    ) -> Result<Page<Profile, KeyCursor>, Error> {
        Ok(users::list(&self.reads(Class::Lists), before, limit).await?)
    }

    /// At most `limit` people whom `reader` may want to follow.
    pub async fn people_to_follow(
        &self,
        reader: UserId,
        limit: u16,
    ) -> Result<Vec<Profile>, Error> {
        Ok(suggestions::of(&self.reads(Class::Lists), reader, limit).await?)
    }

    /// The profile of a user, and whether `viewer` follows the user.
    pub async fn profile(
        &self,
        username: Username,
        viewer: Option<UserId>,
    ) -> Result<ProfileView, Error> {
        users::profile_view(&self.reads(Class::LookUps), &username, viewer)
            .await?
            .ok_or(Error::UnknownUser(username))
    }
}
