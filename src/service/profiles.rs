//! What is seen of users, and what they change of their own accounts.

use super::{Error, Service, passwords::Purpose};
use crate::{
    db::{
        follows, messages,
        users::{self, Deletion},
    },
    domain::{
        Account, AccountChange, KeyCursor, Page, Password, PasswordChange, PasswordHash, Profile,
        ProfileView, SessionToken, UserId, Username,
    },
};

/// How many messages, or follows in one direction, of an account that is deleted go at once: some 70 ms
/// of work, for which whoever posts or follows meanwhile may have to wait.
const DELETED_AT_ONCE: u16 = 1_000;

impl Service {
    /// Everybody, who signed up last first, after `before` or from the last on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(
        &self,
        before: Option<KeyCursor>,
        limit: u16,
    ) -> Result<Page<Profile, KeyCursor>, Error> {
        Ok(users::list(self.database(), before, limit).await?)
    }

    /// The profile of `username`, as `viewer` may see it.
    ///
    /// # Errors
    /// When there is no such user, or when the database fails.
    pub async fn profile(
        &self,
        username: Username,
        viewer: Option<UserId>,
    ) -> Result<ProfileView, Error> {
        users::profile_view(self.database(), &username, viewer)
            .await?
            .ok_or(Error::UnknownUser(username))
    }

    /// Makes sure that `username` is the account's own.
    ///
    /// # Errors
    /// When it is somebody else's, or nobody's, or when the database fails.
    pub async fn require_own_account(
        &self,
        account: &Account,
        username: &Username,
    ) -> Result<(), Error> {
        if account.user.username == *username {
            return Ok(());
        }
        match users::exists(self.database(), username).await? {
            true => Err(Error::NotYours),
            false => Err(Error::UnknownUser(username.clone())),
        }
    }

    /// Changes an account. With a new password all its sessions and tokens end.
    ///
    /// # Errors
    /// When the current password is needed and is not that, when there were too many attempts, when
    /// the account is gone, or when the database fails.
    pub async fn change_account(
        &self,
        account: Account,
        change: AccountChange,
    ) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            let AccountChange { email, password, display_name, bio } = change;
            let password_hash = match password {
                Some(password) => Some(service.new_hash(&account, password).await?),
                None => None,
            };
            let changes_password = password_hash.is_some();
            let update = users::Update { email, password_hash, display_name, bio };
            match users::update(service.database(), &account, &update).await? {
                true => Ok(()),
                // Somebody else has changed it while this was under way.
                false if changes_password => Err(Error::WrongPassword),
                false => Err(Error::UnknownUser(account.user.username)),
            }
        })
        .await
    }

    /// Replaces an account's password. All its sessions and tokens end; returns the token of a new
    /// session, so that whoever replaced it stays signed in.
    ///
    /// # Errors
    /// When the current password is not that, when there were too many attempts, when too many
    /// passwords wait, or when the database fails.
    pub async fn change_password(
        &self,
        account: Account,
        change: PasswordChange,
    ) -> Result<SessionToken, Error> {
        let service = self.clone();
        self.finish(async move {
            let hash = service.new_hash(&account, change).await?;
            let token = SessionToken::new(rand::random());
            let (database, lifetime) = (service.database(), service.inner.session_lifetime);
            let session = (&token.hash(), lifetime);
            match users::replace_password(database, &account, &hash, session).await? {
                true => Ok(token),
                // Somebody else has changed it while this was under way.
                false => Err(Error::WrongPassword),
            }
        })
        .await
    }

    async fn new_hash(
        &self,
        account: &Account,
        change: PasswordChange,
    ) -> Result<PasswordHash, Error> {
        self.inner.limits.password_of(account.user.id)?;
        let current = Password::parse(&change.current).map_err(|_| Error::WrongPassword)?;
        let slot = self.inner.passwords.slot(Purpose::SignIn).await?;
        if !slot.verify(current, account.password_hash.clone()).await? {
            return Err(Error::WrongPassword);
        }
        slot.hash(change.new).await
    }

    /// Removes an account for good, and with it all that is the user's: messages, follows in both
    /// directions, sessions and tokens. Of a large account they go bit by bit, the newest messages
    /// first, and the account last; where the server stops meanwhile, the rest is there, and can be
    /// deleted again.
    ///
    /// # Errors
    /// When the password is wrong, when there were too many attempts, or when the database fails.
    pub async fn delete_account(&self, account: Account, password: &str) -> Result<(), Error> {
        self.check_password(&account, password).await?;
        let service = self.clone();
        self.finish(async move {
            let database = service.database();
            loop {
                match users::delete(database, &account, DELETED_AT_ONCE).await? {
                    Deletion::Done => break,
                    Deletion::Refused => return Err(Error::WrongPassword),
                    Deletion::TooMuch => {
                        let id = account.user.id;
                        messages::delete_newest_of(database, id, DELETED_AT_ONCE).await?;
                        follows::delete_some_of(database, id, DELETED_AT_ONCE).await?;
                    }
                }
            }
            service.public_timeline_changed();
            Ok(())
        })
        .await
    }
}
