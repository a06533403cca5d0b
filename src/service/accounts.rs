//! Signing up, in and out.

use super::{Error, Service, passwords::Purpose};
use crate::{
    db::{sessions, users},
    domain::{Invalid, Password, Registration, SessionToken, User, Username},
    telemetry::metrics,
};

impl Service {
    /// Signs somebody up. Returns when the user's row is durable; if the caller goes away before,
    /// the registration is finished all the same.
    ///
    /// # Errors
    /// When the name is taken, when too many passwords wait, or when the database fails.
    pub async fn register(&self, registration: Registration) -> Result<(), Error> {
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
    /// When the name or the password is wrong, when too many passwords wait, or when the database
    /// fails.
    pub async fn sign_in(&self, username: &str, password: &str) -> Result<SessionToken, Error> {
        let username = Username::parse(username).map_err(|_| Error::WrongUsername)?;
        let (user, hash) =
            users::credentials(self.database(), &username).await?.ok_or(Error::WrongUsername)?;
        // What nobody can have chosen as a password is not anybody's.
        let password = Password::parse(password).map_err(|_| Error::WrongPassword)?;
        let slot = self.inner.passwords.slot(Purpose::SignIn).await?;
        if !slot.verify(password, hash).await? {
            return Err(Error::WrongPassword);
        }
        let token = SessionToken::new(rand::random());
        let lifetime = self.inner.session_lifetime;
        sessions::insert(self.database(), &token.hash(), user.id, lifetime).await?;
        Ok(token)
    }

    /// Whose session the token stands for; `None` when it has ended or never began.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_user(&self, token: &SessionToken) -> Result<Option<User>, Error> {
        let lifetime = self.inner.session_lifetime;
        Ok(sessions::user(self.database(), &token.hash(), lifetime).await?)
    }

    /// Ends the session that the token stands for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, token: &SessionToken) -> Result<(), Error> {
        Ok(sessions::delete(self.database(), &token.hash()).await?)
    }

    /// Removes what is left of sessions that have ended. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_sessions(&self) -> Result<u64, Error> {
        Ok(sessions::sweep(self.database()).await?)
    }
}
