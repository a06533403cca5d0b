//! Accounts: registration, changes and deletion.

use super::{
    error::Error, limits::Origin, passwords::Line, sessions::Checked, sign_in_client::SignInClient,
    state::Service,
};
use crate::{
    db::{
        NewSession, follows, messages,
        users::{
            self, Deletion,
            names::{self, NameRule},
        },
    },
    domain::{
        Account, AccountChange, Invalid, PasswordChange, Registration, SessionToken, Username,
    },
    telemetry::metrics,
};

/// The most messages, and the most follows in each direction, that one step of an account's
/// deletion removes. A step takes about 70 ms; posts and follows of these users may wait for it.
const DELETION_STEP: u16 = 1_000;

impl Service {
    /// Registers a user. Returns when the user's row is durable.
    ///
    /// Returns an error if a user has the username, also in another case, or a rate limit is exceeded.
    pub async fn register(&self, registration: Registration, origin: Origin) -> Result<(), Error> {
        self.register_under(registration, origin, NameRule::AnyCase).await
    }

    /// Like [`Self::register`], for the simulator: names that differ by case are different.
    pub async fn register_exact(
        &self,
        registration: Registration,
        origin: Origin,
    ) -> Result<(), Error> {
        self.register_under(registration, origin, NameRule::Exact).await
    }

    async fn register_under(
        &self,
        registration: Registration,
        origin: Origin,
        rule: NameRule,
    ) -> Result<(), Error> {
        self.inner.limits.check_registration(origin)?;
        let service = self.clone();
        let line = match origin {
            Origin::Simulator => Line::Simulator,
            Origin::Address(_) => Line::SignUp,
        };
        self.finish(async move { service.insert_user(registration, line, rule).await }).await
    }

    async fn insert_user(
        &self,
        registration: Registration,
        line: Line,
        rule: NameRule,
    ) -> Result<(), Error> {
        let Registration { username, email, password } = registration;
        // The slot is held from the look-up to the insert. So of many concurrent registrations with
        // the same username, at most one per worker hashes its password.
        let slot = self.inner.passwords.slot(line).await?;
        if self.is_taken(&username, rule).await? {
            return Err(Error::UsernameTaken);
        }
        let hash = slot.hash(password).await?;
        match users::insert(self.database(), &username, &email, &hash, rule).await? {
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

    async fn is_taken(&self, username: &Username, rule: NameRule) -> Result<bool, Error> {
        Ok(match rule {
            NameRule::Exact => names::exists(self.database(), username).await?,
            NameRule::AnyCase => names::exists_in_any_case(self.database(), username).await?,
        })
    }

    /// Whether no new user can have this name, because a user has it, perhaps in another case.
    pub async fn is_username_taken(&self, username: &Username) -> Result<bool, Error> {
        self.is_taken(username, NameRule::AnyCase).await
    }

    /// The name of the oldest user whose name differs from this one only by case.
    pub async fn name_in_other_case(&self, username: &Username) -> Result<Username, Error> {
        let found = names::oldest_in_any_case(self.database(), username).await?;
        found.ok_or_else(|| Error::UnknownUser(username.clone()))
    }

    /// Returns an error if no user has this name.
    pub async fn require_user(&self, username: &Username) -> Result<(), Error> {
        match names::exists(self.database(), username).await? {
            true => Ok(()),
            false => Err(Error::UnknownUser(username.clone())),
        }
    }

    /// Checks that `username` is the account's own.
    ///
    /// Returns an error if it is another user's, or if no user has it.
    pub async fn require_own_account(
        &self,
        account: &Account,
        username: &Username,
    ) -> Result<(), Error> {
        if account.user.username == *username {
            return Ok(());
        }
        self.require_user(username).await?;
        Err(Error::NotYours)
    }

    /// Changes an account. A new password ends all its sessions and tokens.
    ///
    /// Only a new password requires the current one. Returns an error if that is wrong, a rate
    /// limit is exceeded, or the account no longer exists.
    pub async fn change_account(
        &self,
        account: Account,
        change: AccountChange,
    ) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            let AccountChange { email, password, display_name, bio } = change;
            let (account, password_hash) = match password {
                Some(PasswordChange { current, new }) => {
                    let Checked { slot, account } =
                        service.confirm_password(&account, &current).await?;
                    (account, Some(slot.hash(new).await?))
                }
                None => (account, None),
            };
            let changes_password = password_hash.is_some();
            let update = users::Update { email, password_hash, display_name, bio };
            match users::update(service.database(), &account, &update).await? {
                true => Ok(()),
                // A concurrent request changed the password.
                false if changes_password => Err(Error::WrongPassword),
                false => Err(Error::UnknownUser(account.user.username)),
            }
        })
        .await
    }

    /// Replaces an account's password, ends all its sessions and tokens, and forgets its known
    /// clients. Returns the token of a new session, so that the caller, at `client`, stays signed in.
    ///
    /// Returns an error if the current password is wrong or a rate limit is exceeded.
    pub async fn change_password(
        &self,
        account: Account,
        change: PasswordChange,
        client: SignInClient,
    ) -> Result<SessionToken, Error> {
        let service = self.clone();
        self.finish(async move {
            let PasswordChange { current, new } = change;
            let Checked { slot, account } = service.confirm_password(&account, &current).await?;
            let hash = slot.hash(new).await?;
            let token = SessionToken::new(rand::random());
            let session = NewSession {
                token: token.hash(),
                lifetime: service.inner.session_lifetime,
                clients: client.hashes(),
            };
            match users::replace_password(service.database(), &account, &hash, &session).await? {
                true => Ok(token),
                // A concurrent request changed the password.
                false => Err(Error::WrongPassword),
            }
        })
        .await
    }

    /// Deletes an account with its messages, follows, sessions and tokens.
    ///
    /// Deletes a large account in steps, newest messages first and the account last. If the server
    /// stops in between, the rest remains; a new request can delete it. Returns an error if the
    /// password is wrong or a rate limit is exceeded.
    pub async fn delete_account(&self, account: Account, password: &str) -> Result<(), Error> {
        let account = self.confirm_password(&account, password).await?.account;
        let service = self.clone();
        self.finish(async move {
            let database = service.database();
            loop {
                match users::delete(database, &account, DELETION_STEP).await? {
                    Deletion::Done => break,
                    Deletion::Rejected => return Err(Error::WrongPassword),
                    Deletion::TooMuch => {
                        let id = account.user.id;
                        messages::delete_newest_of(database, id, DELETION_STEP).await?;
                        follows::delete_some_of(database, id, DELETION_STEP).await?;
                    }
                }
            }
            service.public_timeline_changed();
            Ok(())
        })
        .await
    }
}
