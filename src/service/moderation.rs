//! What operators do about users and messages.

use super::{Error, Service, passwords::Purpose};
use crate::{
    db::{messages, users::moderation},
    domain::{Counts, ModeratedMessage, ModeratedUser, NameCursor, Page, Password, Username},
};

impl Service {
    /// The users whose names begin with `prefix`, whatever the case, by name, after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn moderated_users(
        &self,
        prefix: &str,
        after: Option<&NameCursor>,
        limit: u16,
    ) -> Result<Page<ModeratedUser, NameCursor>, Error> {
        Ok(moderation::list(self.database(), prefix, after, limit).await?)
    }

    /// The user of this name, with the user's counts.
    ///
    /// # Errors
    /// When there is none, or when the database fails.
    pub async fn moderated_user(
        &self,
        username: Username,
    ) -> Result<(ModeratedUser, Counts), Error> {
        moderation::user(self.database(), &username).await?.ok_or(Error::UnknownUser(username))
    }

    /// Keeps a user out; sessions and tokens end at once, and for good.
    ///
    /// # Errors
    /// When there is no such user, or when the database fails.
    pub async fn disable_user(&self, username: Username) -> Result<(), Error> {
        known(moderation::disable(self.database(), &username).await?, username)
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// When there is no such user, or when the database fails.
    pub async fn enable_user(&self, username: Username) -> Result<(), Error> {
        known(moderation::enable(self.database(), &username).await?, username)
    }

    /// Gives a user another password; sessions and tokens end at once.
    ///
    /// # Errors
    /// When there is no such user, or when the database fails.
    pub async fn reset_password(
        &self,
        username: Username,
        password: Password,
    ) -> Result<(), Error> {
        let hash = self.inner.passwords.slot(Purpose::SignIn).await?.hash(password).await?;
        known(moderation::set_password(self.database(), &username, &hash).await?, username)
    }

    /// A message, flagged or not.
    ///
    /// # Errors
    /// When there is none, or when the database fails.
    pub async fn moderated_message(&self, id: i64) -> Result<ModeratedMessage, Error> {
        messages::moderated(self.database(), id).await?.ok_or(Error::UnknownMessage)
    }

    /// Hides a message from everybody but operators, or shows it again.
    ///
    /// # Errors
    /// When there is none, or when the database fails.
    pub async fn flag_message(&self, id: i64, flagged: bool) -> Result<(), Error> {
        match messages::set_flagged(self.database(), id, flagged).await? {
            true => Ok(()),
            false => Err(Error::UnknownMessage),
        }
    }
}

fn known(is_known: bool, username: Username) -> Result<(), Error> {
    if is_known { Ok(()) } else { Err(Error::UnknownUser(username)) }
}
