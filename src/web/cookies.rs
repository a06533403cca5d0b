//! Cookies of the pages: the session's, the mark by which scripts notice that it has ended, and the token
//! of the browser.

use std::time::Duration;

use poem::{
    Request,
    web::cookie::{Cookie, CookieJar, SameSite},
};

use super::{failure::Failure, pages::SessionMark};
use crate::{
    domain::{BrowserToken, Instance, SessionToken},
    http::{
        client::Client,
        cookies::{CookieNames, MAX_SESSIONS, former_session, values},
    },
    service::Service,
};

/// Browsers keep a cookie for at most 400 days. The database decides when a session ends.
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// The cookie with a random number for each sign-in. Scripts can read it, and it opens no session.
const MARK: &str = "mark";
/// The cookie by which a sign-in recognizes the browser. It authenticates no user and stays after
/// signing out.
const BROWSER: &str = "browser";

/// The cookies that a request sent, and those that its response sets.
#[derive(Clone)]
pub(super) struct Cookies {
    jar: CookieJar,
    names: CookieNames,
    https: bool,
    sessions: Vec<SessionCookie>,
    mark: Option<String>,
    browser: Option<BrowserToken>,
}

#[derive(Clone)]
struct SessionCookie {
    token: SessionToken,
    former: bool,
}

impl Cookies {
    /// The cookies of a request. Reads the instance from the database unless it is known.
    pub(super) async fn of(request: &Request) -> Result<Self, Failure> {
        let service: &Service = request.data().ok_or(Failure::MissingState)?;
        Self::read(request, service.instance().await?)
    }

    /// The cookies of a request; `None` if they need a query.
    pub(super) fn known(request: &Request) -> Option<Self> {
        let service: &Service = request.data()?;
        Self::read(request, service.known_instance()?).ok()
    }

    fn read(request: &Request, instance: &Instance) -> Result<Self, Failure> {
        let client: &Client = request.data().ok_or(Failure::MissingState)?;
        let names = CookieNames::new(&instance.name, client.https);
        let sent = names.sessions(request.headers(), instance.reads_former_cookies());
        let sessions = sent.iter().filter_map(|cookie| {
            Some(SessionCookie { token: cookie.value.parse().ok()?, former: cookie.former })
        });
        let mark = values(request.headers(), &names.of(MARK)).find(|it| is_mark(it));
        Ok(Self {
            jar: request.cookie().clone(),
            https: client.https,
            sessions: sessions.take(MAX_SESSIONS).collect(),
            mark: mark.map(str::to_owned),
            browser: values(request.headers(), &names.of(BROWSER)).find_map(|it| it.parse().ok()),
            names,
        })
    }

    /// The tokens of the session cookies. The first of several need not be valid.
    pub(super) fn sessions(&self) -> Vec<SessionToken> {
        self.sessions.iter().map(|cookie| cookie.token.clone()).collect()
    }

    /// The cookie `stem` of this instance that the request sent.
    pub(super) fn sent(&self, request: &Request, stem: &str) -> Option<String> {
        values(request.headers(), &self.names.of(stem)).next().map(str::to_owned)
    }

    /// Sets the cookie `stem` of this instance for all pages. Scripts cannot read it, and browsers omit
    /// it from cross-site forms.
    pub(super) fn set(&self, stem: &str, value: String, max_age: Duration) {
        self.jar.add(self.cookie(&self.names.of(stem), value, max_age));
    }

    fn cookie(&self, name: &str, value: String, max_age: Duration) -> Cookie {
        let mut cookie = Cookie::new_with_str(name, value);
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.https);
        cookie.set_max_age(max_age);
        cookie
    }

    /// The token of the browser; `None` if there is none or it is malformed.
    pub(super) fn browser_token(&self) -> Option<BrowserToken> {
        self.browser.clone()
    }

    pub(super) fn set_browser(&self, token: &BrowserToken) {
        self.set(BROWSER, token.expose(), MAX_AGE);
    }

    /// Starts a session in the browser.
    pub(super) fn set_session(&self, token: &SessionToken) {
        self.set_session_and_mark(token, format!("{:016x}", rand::random::<u64>()));
    }

    /// Extends the life of a session's cookie. The database extends the session itself.
    pub(super) fn renew_session(&self, token: &SessionToken) {
        match &self.mark {
            Some(mark) => self.set_session_and_mark(token, mark.clone()),
            None => self.set_session(token),
        }
    }

    fn set_session_and_mark(&self, token: &SessionToken, mark: String) {
        self.jar.add(self.cookie(&self.names.session(), token.expose(), MAX_AGE));
        let mut cookie = self.cookie(&self.names.of(MARK), mark, MAX_AGE);
        cookie.set_http_only(false);
        self.jar.add(cookie);
    }

    /// Gives the cookie of a valid session its present name.
    pub(super) fn rename_former(&self, token: &SessionToken) {
        let found = self.sessions.iter().find(|cookie| cookie.token == *token);
        if found.is_some_and(|cookie| cookie.former) {
            self.renew_session(token);
            self.jar.add(self.cookie(former_session(), String::new(), Duration::ZERO));
        }
    }

    /// Ends the session in the browser.
    pub(super) fn clear_session(&self) {
        self.jar.add(self.cookie(&self.names.session(), String::new(), Duration::ZERO));
        self.jar.add(self.cookie(&self.names.of(MARK), String::new(), Duration::ZERO));
    }

    /// The mark of the session with which a page is rendered, for its scripts.
    pub(super) fn session_mark(&self) -> SessionMark {
        SessionMark { cookie: self.names.of(MARK), value: self.mark.clone().unwrap_or_default() }
    }
}

fn is_mark(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
