//! Bearer tokens, which authenticate requests to the JSON API.

use super::{error::Error, sign_in_client::SignInClient, state::Service, token_uses};
use crate::{
    db::{
        Class,
        api_tokens::{self, NewTokenRow},
    },
    domain::{
        Account, AccountView, ApiToken, ClientHash, Grant, KeyCursor, Page, TokenId, TokenRecord,
        TokenRequest, UserId,
    },
};

/// A new token. Its secret is not stored and cannot be shown again.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The secret.
    pub secret: ApiToken,
    /// The stored part, which the owner can list.
    pub record: TokenRecord,
}

impl Service {
    /// Creates a bearer token for the user with this username and password.
    ///
    /// Returns an error if the username or password is wrong, the account is disabled, or a rate
    /// limit is exceeded.
    pub async fn create_token(
        &self,
        username: &str,
        password: &str,
        request: &TokenRequest,
        client: &SignInClient,
    ) -> Result<NewToken, Error> {
        let account = self.authenticate(username, password, client).await?;
        self.insert_token(&account, request, &client.hashes()).await
    }

    /// Creates a bearer token for a signed-in user. Requires the password: otherwise an unattended
    /// browser could be used to create a token that outlives the session.
    ///
    /// Returns an error if the password is wrong or a rate limit is exceeded.
    pub async fn create_own_token(
        &self,
        account: &Account,
        password: &str,
        request: &TokenRequest,
    ) -> Result<NewToken, Error> {
        let account = self.confirm_password(account, password).await?.account;
        self.insert_token(&account, request, &[]).await
    }

    async fn insert_token(
        &self,
        account: &Account,
        request: &TokenRequest,
        clients: &[ClientHash],
    ) -> Result<NewToken, Error> {
        let secret = ApiToken::new(rand::random());
        let token = NewTokenRow { token: secret.hash(), request, clients };
        let record = api_tokens::insert(self.database(), account, &token).await?;
        Ok(NewToken { secret, record: record.ok_or(Error::WrongPassword)? })
    }

    /// What a token permits; `None` if the token is unknown, expired or revoked, or if its user is
    /// disabled. Records the use of the token.
    pub async fn grant(&self, token: &ApiToken) -> Result<Option<Grant>, Error> {
        let found =
            api_tokens::find(&self.reads(Class::LookUps), &token.hash(), token_uses::MAX_AGE)
                .await?;
        Ok(found.map(|token| {
            if token.record_use {
                self.inner.token_uses.note(token.grant.token);
            }
            token.grant
        }))
    }

    /// A token and the account of its user; `None` if the token is no longer valid.
    pub async fn token_with_account(
        &self,
        token: TokenId,
    ) -> Result<Option<(AccountView, TokenRecord)>, Error> {
        Ok(api_tokens::with_account(&self.reads(Class::LookUps), token).await?)
    }

    /// The tokens of `owner`, newest first, after the cursor `before`.
    pub async fn tokens(
        &self,
        owner: UserId,
        before: Option<KeyCursor>,
        limit: u16,
    ) -> Result<Page<TokenRecord, KeyCursor>, Error> {
        Ok(api_tokens::list(&self.reads(Class::Lists), owner, before, limit).await?)
    }

    /// Revokes a token of `owner`. Returns an error if `owner` has no such token.
    pub async fn revoke_token(&self, owner: UserId, token: TokenId) -> Result<(), Error> {
        match api_tokens::delete(self.database(), owner, token).await? {
            true => Ok(()),
            false => Err(Error::UnknownToken),
        }
    }
}
