//! Extractors for the signed-in user.

use poem::{FromRequest, Request, RequestBody, Result};

use crate::{
    domain::{Account, SessionToken, User},
    http::cookies::mentions_session,
    service::Service,
    web::{cookies::Cookies, failure::Failure},
};

/// The viewer. Costs one query if the browser sends a token, none otherwise.
pub struct Viewer(pub Option<User>);

impl<'a> FromRequest<'a> for Viewer {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(session(request).await?.map(|(_, account)| account.user)))
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
        let (_, account) = session(request).await?.ok_or(Failure::SignedOut)?;
        Ok(Self(account))
    }
}

/// The viewer with the token of the session, to renew its cookie.
pub struct Session(pub Option<(SessionToken, User)>);

impl<'a> FromRequest<'a> for Session {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(session(request).await?.map(|(token, account)| (token, account.user))))
    }
}

/// The first of the request's sessions that has not ended.
async fn session(request: &Request) -> Result<Option<(SessionToken, Account)>, Failure> {
    if !mentions_session(request.headers()) {
        return Ok(None);
    }
    let service: &Service = request.data().ok_or(Failure::MissingState)?;
    let cookies = Cookies::of(request).await?;
    let found = service.first_session(cookies.sessions()).await?;
    if let Some((token, _)) = &found {
        cookies.rename_former(token);
    }
    Ok(found)
}
