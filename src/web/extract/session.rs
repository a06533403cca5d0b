//! Who is signed in: the session's token in a cookie, and whom it stands for.

use std::time::Duration;

use poem::{
    FromRequest, Request, RequestBody, Result,
    web::cookie::{Cookie, CookieJar, SameSite},
};

use crate::web::failure::Failure;
use crate::{
    domain::{Account, SessionToken, User},
    http::client::{Client, SESSION_COOKIE},
    service::Service,
};

/// The longest that browsers keep a cookie: 400 days. The database says when a session ends.
const COOKIE_MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Whoever is signed in, if anybody is. One query when the browser sends a token, none otherwise.
pub(in crate::web) struct Viewer(pub(in crate::web) Option<User>);

impl<'a> FromRequest<'a> for Viewer {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(account(request).await?.map(|account| account.user)))
    }
}

/// Somebody who is signed in; without one the request is answered 401.
pub(in crate::web) struct SignedIn(pub(in crate::web) User);

impl<'a> FromRequest<'a> for SignedIn {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Viewer(user) = Viewer::from_request(request, body).await?;
        Ok(Self(user.ok_or(Failure::SignedOut)?))
    }
}

/// Somebody who is signed in, with what a password is checked against, for what asks for it again.
pub(in crate::web) struct OwnAccount(pub(in crate::web) Account);

impl<'a> FromRequest<'a> for OwnAccount {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(account(request).await?.ok_or(Failure::SignedOut)?))
    }
}

async fn account(request: &Request) -> Result<Option<Account>, Failure> {
    let (Some(token), Some(service)) = (token(request.cookie()), request.data::<Service>()) else {
        return Ok(None);
    };
    Ok(service.session_account(&token).await?)
}

/// The token that the browser sent, if it is one.
pub(in crate::web) fn token(jar: &CookieJar) -> Option<SessionToken> {
    jar.get(SESSION_COOKIE)?.value_str().parse().ok()
}

/// Gives the browser a session's token.
pub(in crate::web) fn begin(jar: &CookieJar, client: &Client, token: &SessionToken) {
    jar.add(cookie(SESSION_COOKIE, token.expose(), COOKIE_MAX_AGE, client));
}

/// Has the browser keep its token for longer, as the database does: whoever keeps coming back stays
/// signed in.
pub(in crate::web) fn renew(jar: &CookieJar, client: &Client) {
    if let Some(token) = token(jar) {
        begin(jar, client, &token);
    }
}

/// Takes the session's token from the browser.
pub(in crate::web) fn end(jar: &CookieJar, client: &Client) {
    jar.add(cookie(SESSION_COOKIE, String::new(), Duration::ZERO, client));
}

/// A cookie for every page, which no script reads and which other sites' forms do not send.
pub(in crate::web) fn cookie(
    name: &str,
    value: String,
    max_age: Duration,
    client: &Client,
) -> Cookie {
    let mut cookie = Cookie::new_with_str(name, value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(client.https);
    cookie.set_max_age(max_age);
    cookie
}
