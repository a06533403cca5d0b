//! Signing in and out, and checking passwords.

use super::{
    error::Error,
    limits::Origin,
    passwords::{Purpose, Slot},
    state::Service,
};
use crate::{
    db::{api_tokens, sessions, users},
    domain::{Account, Password, SessionToken, User, UserId, Username},
};

impl Service {
    /// Signs a user in. Returns the token of a new session.
    ///
    /// Returns an error if the username or password is wrong, the account is disabled, or a rate
    /// limit is exceeded.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        origin: Origin,
    ) -> Result<SessionToken, Error> {
        let account = self.authenticate(username, password, origin).await?;
        let token = SessionToken::new(rand::random());
        let lifetime = self.inner.session_lifetime;
        if !sessions::insert(self.database(), &account, &token.hash(), lifetime).await? {
            return Err(Error::WrongPassword);
        }
        Ok(token)
    }

    /// Finds the account with this username and password. Checks the password first, so that only
    /// the account's owner learns that it is disabled.
    pub(super) async fn authenticate(
        &self,
        username: &str,
        password: &str,
        origin: Origin,
    ) -> Result<Account, Error> {
        self.inner.limits.check_sign_in(origin)?;
        let username = Username::parse(username).map_err(|_| Error::WrongUsername)?;
        let found = users::credentials(self.database(), &username).await?;
        let users::Credentials { account, disabled } = found.ok_or(Error::WrongUsername)?;
        self.check_password(&account, password).await?;
        if disabled {
            return Err(Error::Disabled);
        }
        Ok(account)
    }

    /// Checks the account's password. Returns the slot, which can also hash a new password.
    pub(super) async fn check_password(
        &self,
        account: &Account,
        password: &str,
    ) -> Result<Slot, Error> {
        self.inner.limits.check_password(account.user.id)?;
        // An invalid password cannot be the account's.
        let password = Password::parse(password).map_err(|_| Error::WrongPassword)?;
        let slot = self.inner.passwords.slot(Purpose::SignIn).await?;
        match slot.verify(password, account.password_hash.clone()).await? {
            true => Ok(slot),
            false => Err(Error::WrongPassword),
        }
    }

    /// The account of a session; `None` if the session does not exist or has ended.
    pub async fn session_account(&self, token: &SessionToken) -> Result<Option<Account>, Error> {
        let lifetime = self.inner.session_lifetime;
        Ok(sessions::account(self.database(), &token.hash(), lifetime).await?)
    }

    /// The user of a session, for callers that need no password hash.
    pub async fn session_user(&self, token: &SessionToken) -> Result<Option<User>, Error> {
        Ok(self.session_account(token).await?.map(|account| account.user))
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &SessionToken) -> Result<(), Error> {
        Ok(sessions::delete(self.database(), &token.hash()).await?)
    }

    /// Ends all sessions of a user, in every browser. Bearer tokens remain valid.
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<(), Error> {
        Ok(sessions::delete_all(self.database(), user).await?)
    }

    /// Deletes expired sessions and tokens. Returns their number.
    pub async fn sweep_ended(&self) -> Result<u64, Error> {
        let sessions = sessions::sweep(self.database()).await?;
        Ok(sessions + api_tokens::sweep(self.database()).await?)
    }
}
