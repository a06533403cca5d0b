//! Signing in and out, and checking passwords.

use std::time::Duration;

use super::{
    error::Error,
    limits::Guesser,
    passwords::{Line, Slot, Verdict},
    sign_in_client::SignInClient,
    state::Service,
};
use crate::{
    db::{Class, NewSession, api_tokens, known_clients, sessions, users},
    domain::{Account, Password, SessionToken, UserId, Username},
};

/// How long an account's client stays known after its last sign-in.
const KNOWN_CLIENT_LIFETIME: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The result of checking a correct password.
pub(super) struct Checked {
    /// The slot that checked it, which can also hash a new password.
    pub(super) slot: Slot,
    /// The account, with the current hash.
    pub(super) account: Account,
}

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
        let found = self.credentials(username, client).await?;
        let Some(users::Credentials { account, disabled, known }) = found else {
            return Err(self.reject_unknown(username, password, client).await);
        };
        let guesser = match known {
            true => Guesser::Known(client.address),
            false => Guesser::Unknown(client.address),
        };
        let checked = self.check_password(&account, password, &guesser).await?;
        if disabled {
            return Err(Error::Disabled);
        }
        Ok(checked.account)
    }

    /// Rejects a sign-in with an unknown name. Takes as long as for a wrong password and has the same
    /// rate limit, so that neither reveals which names exist.
    async fn reject_unknown(&self, name: &str, entered: &str, client: &SignInClient) -> Error {
        // The shortest of the names that the client may mean, so that `@ann` and `ann` count as one.
        let names = Username::entered(name);
        let name = names.last().map_or(name, Username::as_str);
        let limits = &self.inner.limits;
        let guess = match limits.begin_guess_of_unknown_name(name, client.address) {
            Ok(guess) => guess,
            Err(error) => return error,
        };
        match self.check_nothing(entered).await {
            Ok(()) => {
                guess.wrong();
                Error::WrongUsername
            }
            Err(error) => error,
        }
    }

    /// Does the work of the check of a wrong password.
    async fn check_nothing(&self, entered: &str) -> Result<(), Error> {
        self.inner.passwords.slot(Line::SignIn).await?.check_nothing(entered).await
    }

    /// The credentials of the user whose name was entered, perhaps with an `@` before it.
    async fn credentials(
        &self,
        entered: &str,
        client: &SignInClient,
    ) -> Result<Option<users::Credentials>, Error> {
        let clients = client.hashes();
        for username in Username::entered(entered) {
            let found = users::credentials(self.database(), &username, &clients).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Checks the password of a signed-in user.
    pub(super) async fn confirm_password(
        &self,
        account: &Account,
        password: &str,
    ) -> Result<Checked, Error> {
        // A session or token has authenticated each caller.
        let credential = account.credential.clone().ok_or(Error::WrongPassword)?;
        self.check_password(account, password, &Guesser::Authenticated(credential)).await
    }

    /// Checks the account's password. Renews a hash of another system, and one that an earlier
    /// program made of a password that is not in NFC.
    ///
    /// A hash of another system stays if bcrypt cannot hold the password.
    async fn check_password(
        &self,
        account: &Account,
        entered: &str,
        guesser: &Guesser,
    ) -> Result<Checked, Error> {
        let guess = self.inner.limits.begin_guess(account.user.id, guesser)?;
        let line = match guesser {
            Guesser::Authenticated(_) | Guesser::Known(_) => Line::Known,
            Guesser::Unknown(_) => Line::SignIn,
        };
        let slot = self.inner.passwords.slot(line).await?;
        match slot.check(entered, &account.password_hash).await? {
            Verdict::Wrong => Err(guess.wrong()),
            Verdict::Right => Ok(Checked { slot, account: account.clone() }),
            Verdict::Renew(password) => {
                let account = self.renew_hash(account, password, &slot).await?;
                Ok(Checked { slot, account })
            }
        }
    }

    /// Replaces the hash of the account's password by bcrypt's of its form in NFC. Sessions and tokens
    /// stay valid. Returns the account with its current hash.
    async fn renew_hash(
        &self,
        account: &Account,
        password: Password,
        slot: &Slot,
    ) -> Result<Account, Error> {
        let hash = slot.hash(password.clone()).await?;
        if users::renew_hash(self.database(), account, &hash).await? {
            return Ok(Account { password_hash: hash, ..account.clone() });
        }
        // A concurrent sign-in renewed it, or the password has changed.
        let found = users::credentials(self.database(), &account.user.username, &[]).await?;
        let current = found.ok_or(Error::WrongPassword)?.account.password_hash;
        match slot.check(password.expose(), &current).await? {
            Verdict::Right => Ok(Account { password_hash: current, ..account.clone() }),
            Verdict::Wrong | Verdict::Renew(_) => Err(Error::WrongPassword),
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
