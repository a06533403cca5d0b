//! Extractors for the signed-in user.

use poem::{FromRequest, Request, RequestBody, Result};

use crate::{
    domain::{Account, User},
    service::Service,
    web::{cookies, failure::Failure},
};

/// The viewer. Costs one query if the browser sends a token, none otherwise.
pub struct Viewer(pub Option<User>);

impl<'a> FromRequest<'a> for Viewer {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(account(request).await?.map(|account| account.user)))
    }
}

/// The viewer; 401 without a session.
pub struct SignedIn(pub User);

impl<'a> FromRequest<'a> for SignedIn {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Viewer(user) = Viewer::from_request(request, body).await?;
        Ok(Self(user.ok_or(Failure::SignedOut)?))
    }
}

/// The viewer with the password hash, for handlers that ask for the password again; 401
/// without a session.
pub struct OwnAccount(pub Account);

impl<'a> FromRequest<'a> for OwnAccount {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(account(request).await?.ok_or(Failure::SignedOut)?))
    }
}

async fn account(request: &Request) -> Result<Option<Account>, Failure> {
    let token = cookies::session_token(request.cookie());
    let (Some(token), Some(service)) = (token, request.data::<Service>()) else {
        return Ok(None);
    };
    Ok(service.session_account(&token).await?)
}
