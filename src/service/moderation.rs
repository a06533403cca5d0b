//! The operations of `minitwit user` and `minitwit message`, for operators.

use super::{error::Error, passwords::Line, state::Service};
use crate::{
    db::{messages, users::moderation},
    domain::{Counts, ModeratedMessage, ModeratedUser, NameCursor, Page, Password, Username},
};

impl Service {
    /// The users whose usernames begin with `prefix` in any case, by username, after the cursor
    /// `after`.
    pub async fn moderated_users(
        &self,
        prefix: &str,
        after: Option<&NameCursor>,
        limit: u16,
    ) -> Result<Page<ModeratedUser, NameCursor>, Error> {
        Ok(moderation::list(self.database(), prefix, after, limit).await?)
    }

    /// A user with the user's counts.
    pub async fn moderated_user(
        &self,
        username: Username,
    ) -> Result<(ModeratedUser, Counts), Error> {
        moderation::user(self.database(), &username).await?.ok_or(Error::UnknownUser(username))
    }

    /// Disables an account, and deletes its sessions and tokens. Enabling does not restore them.
    pub async fn disable_user(&self, username: Username) -> Result<(), Error> {
        require_known(moderation::disable(self.database(), &username).await?, username)
    }

    /// Enables an account that was disabled.
    pub async fn enable_user(&self, username: Username) -> Result<(), Error> {
        require_known(moderation::enable(self.database(), &username).await?, username)
    }

    /// Sets a user's password and deletes the user's sessions and tokens.
    pub async fn reset_password(
        &self,
        username: Username,
        password: Password,
    ) -> Result<(), Error> {
        let hash = self.inner.passwords.slot(Line::Known).await?.hash(password).await?;
        require_known(moderation::set_password(self.database(), &username, &hash).await?, username)
    }

    /// A message, flagged or not.
    pub async fn moderated_message(&self, id: i64) -> Result<ModeratedMessage, Error> {
        messages::moderated(self.database(), id).await?.ok_or(Error::UnknownMessage)
    }

    /// Flags or unflags a message.
    pub async fn flag_message(&self, id: i64, flagged: bool) -> Result<(), Error> {
        match messages::set_flagged(self.database(), id, flagged).await? {
            true => Ok(()),
            false => Err(Error::UnknownMessage),
        }
    }
}

fn require_known(known: bool, username: Username) -> Result<(), Error> {
    if known { Ok(()) } else { Err(Error::UnknownUser(username)) }
}
