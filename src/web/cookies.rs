//! Cookies of the pages: the session, and the token of the browser.

use std::time::Duration;

use poem::web::cookie::{Cookie, CookieJar, SameSite};

use crate::{
    domain::{BrowserToken, SessionToken},
    http::client::{Client, SESSION_COOKIE},
};

/// The cookie by which a sign-in recognizes the browser. It authenticates nobody and stays after
/// signing out.
const BROWSER_COOKIE: &str = "browser";

/// Browsers keep a cookie for at most 400 days. The database decides when a session ends.
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// A cookie for all pages. Scripts cannot read it, and browsers omit it from cross-site forms.
pub(super) fn cookie(name: &str, value: String, max_age: Duration, client: &Client) -> Cookie {
    let mut cookie = Cookie::new_with_str(name, value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(client.https);
    cookie.set_max_age(max_age);
    cookie
}

/// The session token that the browser sent; `None` if there is none or it is malformed.
pub(super) fn session_token(jar: &CookieJar) -> Option<SessionToken> {
    jar.get(SESSION_COOKIE)?.value_str().parse().ok()
}

pub(super) fn set_session(jar: &CookieJar, client: &Client, token: &SessionToken) {
    jar.add(cookie(SESSION_COOKIE, token.expose(), MAX_AGE, client));
}

/// Extends the cookie's life. The database extends the session itself.
pub(super) fn renew_session(jar: &CookieJar, client: &Client) {
    if let Some(token) = session_token(jar) {
        set_session(jar, client, &token);
    }
}

/// The token of the browser; `None` if there is none or it is malformed.
pub(super) fn browser_token(jar: &CookieJar) -> Option<BrowserToken> {
    jar.get(BROWSER_COOKIE)?.value_str().parse().ok()
}

pub(super) fn set_browser(jar: &CookieJar, client: &Client, token: &BrowserToken) {
    jar.add(cookie(BROWSER_COOKIE, token.expose(), MAX_AGE, client));
}

pub(super) fn clear_session(jar: &CookieJar, client: &Client) {
    jar.add(cookie(SESSION_COOKIE, String::new(), Duration::ZERO, client));
}
