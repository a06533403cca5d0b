//! Signing in and out, and checking passwords.

use std::time::Duration;

use super::{
    error::Error,
    limits::Guesser,
    passwords::{Line, Slot},
    sign_in_client::SignInClient,
    state::Service,
};
use crate::{
    db::{Class, NewSession, api_tokens, known_clients, sessions, users},
    domain::{Account, Password, SessionToken, UserId, Username},
};

/// How long an account's client stays known after its last sign-in.
const KNOWN_CLIENT_LIFETIME: Duration = Duration::from_secs(180 * 24 * 60 * 60);

impl Service {
    /// Signs a user in. Returns the token of a new session.
    ///
    /// Returns an error if the username or password is wrong, the account is disabled, or a rate
    /// limit is exceeded.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        client: &SignInClient,
    ) -> Result<SessionToken, Error> {
        let account = self.authenticate(username, password, client).await?;
        let token = SessionToken::new(rand::random());
        let session = NewSession {
            token: token.hash(),
            lifetime: self.inner.session_lifetime,
            clients: client.hashes(),
        };
        if !sessions::insert(self.database(), &account, &session).await? {
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
        client: &SignInClient,
    ) -> Result<Account, Error> {
        self.inner.limits.check_sign_in(client.address)?;
        let found = match Username::parse(username) {
            Ok(username) => {
                users::credentials(self.database(), &username, &client.hashes()).await?
            }
            Err(_) => None,
        };
        let Some(users::Credentials { account, disabled, known }) = found else {
            return Err(self.reject_unknown(password).await);
        };
        let guesser = match known {
            true => Guesser::Known(client.address),
            false => Guesser::Unknown(client.address),
        };
        self.check_password(&account, password, &guesser).await?;
        if disabled {
            return Err(Error::Disabled);
        }
        Ok(account)
    }

    /// Rejects a sign-in with an unknown name. Takes as long as for a wrong password, so that the
    /// duration does not reveal which names exist.
    async fn reject_unknown(&self, password: &str) -> Error {
        let Ok(password) = Password::parse(password) else { return Error::WrongUsername };
        let slot = match self.inner.passwords.slot(Line::SignIn).await {
            Ok(slot) => slot,
            Err(error) => return error,
        };
        match slot.verify(password, self.inner.passwords.decoy()).await {
            Ok(_) => Error::WrongUsername,
            Err(error) => error,
        }
    }

    /// Checks the password of a signed-in user. Returns the slot, which can also hash a new password.
    pub(super) async fn confirm_password(
        &self,
        account: &Account,
        password: &str,
    ) -> Result<Slot, Error> {
        // A session or token has authenticated each caller.
        let credential = account.credential.clone().ok_or(Error::WrongPassword)?;
        self.check_password(account, password, &Guesser::Authenticated(credential)).await
    }

    async fn check_password(
        &self,
        account: &Account,
        password: &str,
        guesser: &Guesser,
    ) -> Result<Slot, Error> {
        let guess = self.inner.limits.begin_guess(account.user.id, guesser)?;
        // An invalid password cannot be the account's.
        let Ok(password) = Password::parse(password) else { return Err(guess.wrong()) };
        let line = match guesser {
            Guesser::Authenticated(_) | Guesser::Known(_) => Line::Known,
            Guesser::Unknown(_) => Line::SignIn,
        };
        let slot = self.inner.passwords.slot(line).await?;
        match slot.verify(password, account.password_hash.clone()).await? {
            true => Ok(slot),
            false => Err(guess.wrong()),
        }
    }

    /// The account of a session; `None` if the session does not exist or has ended.
    pub async fn session_account(&self, token: &SessionToken) -> Result<Option<Account>, Error> {
        let lifetime = self.inner.session_lifetime;
        Ok(sessions::account(&self.reads(Class::LookUps), &token.hash(), lifetime).await?)
    }

    /// Finds the first of `tokens` whose session has not ended. Returns it with its account.
    pub async fn first_session(
        &self,
        tokens: impl IntoIterator<Item = SessionToken> + Send,
    ) -> Result<Option<(SessionToken, Account)>, Error> {
        for token in tokens {
            if let Some(account) = self.session_account(&token).await? {
                return Ok(Some((token, account)));
            }
        }
        Ok(None)
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &SessionToken) -> Result<(), Error> {
        Ok(sessions::delete(self.database(), &token.hash()).await?)
    }

    /// Ends all sessions of a user, in every browser. Bearer tokens remain valid.
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<(), Error> {
        Ok(sessions::delete_all(self.database(), user).await?)
    }

    /// Deletes expired sessions and tokens, and clients that were last seen long ago. Returns their
    /// number.
    pub async fn sweep_ended(&self) -> Result<u64, Error> {
        let sessions = sessions::sweep(self.database()).await?;
        let tokens = api_tokens::sweep(self.database()).await?;
        Ok(sessions + tokens + known_clients::sweep(self.database(), KNOWN_CLIENT_LIFETIME).await?)
    }
}
