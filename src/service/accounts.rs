//! Signing up, in and out.

use super::{Error, Origin, Service, passwords::Purpose};
use crate::{
    db::{api_tokens, sessions, users},
    domain::{Account, Invalid, Password, Registration, SessionToken, User, UserId, Username},
    telemetry::metrics,
};

impl Service {
    /// Signs somebody up. Returns when the user's row is durable; if the caller goes away before,
    /// the registration is finished all the same.
    ///
    /// # Errors
    /// When the name is taken, when there were too many attempts, when too many passwords wait, or
    /// when the database fails.
    pub async fn register(&self, registration: Registration, origin: Origin) -> Result<(), Error> {
        self.inner.limits.registration(origin)?;
        let service = self.clone();
        self.finish(async move { service.register_now(registration).await }).await
    }

    async fn register_now(&self, registration: Registration) -> Result<(), Error> {
        let Registration { username, email, password } = registration;
        // The slot is held from before the name is looked up until the row is there, so that of
        // many who race for one name in this process only one is hashed.
        let slot = self.inner.passwords.slot(Purpose::Registration).await?;
        if users::exists(self.database(), &username).await? {
            return Err(Error::UsernameTaken);
        }
        let hash = slot.hash(password).await?;
        match users::insert(self.database(), &username, &email, &hash).await? {
            users::Insertion::Inserted => {
                metrics::registered();
                Ok(())
            }
            users::Insertion::UsernameTaken => Err(Error::UsernameTaken),
            users::Insertion::NotNormalized => {
                Err(Invalid::new("The username must be in Unicode normalization form C").into())
            }
        }
    }

    /// Signs somebody in. Returns the token of a new session.
    ///
    /// # Errors
    /// When the name or the password is wrong, when the account is disabled, when there were too many
    /// attempts, when too many passwords wait, or when the database fails.
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

    /// Whose name and password these are. That an account is disabled is told to nobody but its owner.
    pub(super) async fn authenticate(
        &self,
        username: &str,
        password: &str,
        origin: Origin,
    ) -> Result<Account, Error> {
        self.inner.limits.sign_in_from(origin)?;
        let username = Username::parse(username).map_err(|_| Error::WrongUsername)?;
        let found = users::credentials(self.database(), &username).await?;
        let users::Credentials { account, disabled } = found.ok_or(Error::WrongUsername)?;
        self.check_password(&account, password).await?;
        if disabled {
            return Err(Error::Disabled);
        }
        Ok(account)
    }

    /// Whether this is the account's password.
    pub(super) async fn check_password(
        &self,
        account: &Account,
        password: &str,
    ) -> Result<(), Error> {
        self.inner.limits.password_of(account.user.id)?;
        // What nobody can have chosen as a password is not anybody's.
        let password = Password::parse(password).map_err(|_| Error::WrongPassword)?;
        let slot = self.inner.passwords.slot(Purpose::SignIn).await?;
        match slot.verify(password, account.password_hash.clone()).await? {
            true => Ok(()),
            false => Err(Error::WrongPassword),
        }
    }

    /// Whose session the token stands for; `None` when it has ended or never began.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_account(&self, token: &SessionToken) -> Result<Option<Account>, Error> {
        let lifetime = self.inner.session_lifetime;
        Ok(sessions::account(self.database(), &token.hash(), lifetime).await?)
    }

    /// The same, for what asks for no password again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_user(&self, token: &SessionToken) -> Result<Option<User>, Error> {
        Ok(self.session_account(token).await?.map(|account| account.user))
    }

    /// Ends the session that the token stands for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, token: &SessionToken) -> Result<(), Error> {
        Ok(sessions::delete(self.database(), &token.hash()).await?)
    }

    /// Ends all sessions of a user, on whichever browser. Bearer tokens go on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<(), Error> {
        Ok(sessions::delete_all(self.database(), user).await?)
    }

    /// Removes what is left of sessions and tokens that have ended. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_ended(&self) -> Result<u64, Error> {
        let sessions = sessions::sweep(self.database()).await?;
        Ok(sessions + api_tokens::sweep(self.database()).await?)
    }
}
