//! The bearer tokens by which clients of the API sign in.

use std::time::Duration;

use super::{Error, Origin, Service};
use crate::{
    db::api_tokens,
    domain::{Account, ApiToken, KeyCursor, Page, TokenId, TokenName, TokenRecord, UserId},
};

/// A token that was just made: the only time that its secret is known.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The secret.
    pub secret: ApiToken,
    /// What its owner sees of it from now on.
    pub record: TokenRecord,
}

impl Service {
    /// Makes a bearer token for whoever knows the password; it ends `lifetime` from now.
    ///
    /// # Errors
    /// When the name or the password is wrong, when the account is disabled, when there were too many
    /// attempts, when too many passwords wait, or when the database fails.
    pub async fn create_token(
        &self,
        username: &str,
        password: &str,
        name: &TokenName,
        lifetime: Duration,
        origin: Origin,
    ) -> Result<NewToken, Error> {
        let account = self.authenticate(username, password, origin).await?;
        self.insert_token(&account, name, lifetime).await
    }

    /// Makes a bearer token for somebody who is signed in and knows the password, too: a token may
    /// outlive the session of whoever finds a browser that was left open.
    ///
    /// # Errors
    /// When the password is wrong, when there were too many attempts, when too many passwords wait, or
    /// when the database fails.
    pub async fn create_own_token(
        &self,
        account: &Account,
        password: &str,
        name: &TokenName,
        lifetime: Duration,
    ) -> Result<NewToken, Error> {
        self.check_password(account, password).await?;
        self.insert_token(account, name, lifetime).await
    }

    async fn insert_token(
        &self,
        account: &Account,
        name: &TokenName,
        lifetime: Duration,
    ) -> Result<NewToken, Error> {
        let secret = ApiToken::new(rand::random());
        let record =
            api_tokens::insert(self.database(), account, &secret.hash(), name, lifetime).await?;
        Ok(NewToken { secret, record: record.ok_or(Error::WrongPassword)? })
    }

    /// Whose token it is; `None` when it has ended, was revoked, never was, or is a disabled user's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_account(&self, token: &ApiToken) -> Result<Option<Account>, Error> {
        Ok(api_tokens::account(self.database(), &token.hash()).await?)
    }

    /// The tokens of `owner`, newest first, after `before` or from the newest on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens(
        &self,
        owner: UserId,
        before: Option<KeyCursor>,
        limit: u16,
    ) -> Result<Page<TokenRecord, KeyCursor>, Error> {
        Ok(api_tokens::list(self.database(), owner, before, limit).await?)
    }

    /// Ends a token of `owner`, now.
    ///
    /// # Errors
    /// When `owner` has no such token, or when the database fails.
    pub async fn revoke_token(&self, owner: UserId, token: TokenId) -> Result<(), Error> {
        if !api_tokens::delete(self.database(), owner, token).await? {
            return Err(Error::UnknownToken);
        }
        Ok(())
    }
}
