//! What all clients may see of users.

use super::{error::Error, state::Service};
use crate::{
    db::{Class, users},
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
