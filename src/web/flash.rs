//! What a page tells once, after a redirect: kept in a cookie until the next page shows it.
//!
//! The cookie holds which notice it is, not its words: whoever could set it for somebody else can
//! choose among these, and a name, which is shown as text.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poem::web::cookie::CookieJar;
use serde::{Deserialize, Serialize};

use super::extract::session::cookie;
use crate::http::client::Client;

const COOKIE: &str = "flash";
const MAX_AGE: Duration = Duration::from_secs(300);
/// More than this many unread notices are not kept; a cookie is no store.
const MAX_UNREAD: usize = 8;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Flash {
    SignedUp,
    SignedIn,
    SignedOut,
    Recorded,
    Changed,
    Deleted,
    Followed(String),
    Unfollowed(String),
    ProfileSaved,
    PasswordChanged,
    TokenRevoked,
    SignedOutEverywhere,
    AccountDeleted,
}

impl Flash {
    /// The words, of the original where it has some.
    fn text(&self) -> String {
        match self {
            Self::SignedUp => "You were successfully registered and can login now".to_owned(),
            Self::SignedIn => "You were logged in".to_owned(),
            Self::SignedOut => "You were logged out".to_owned(),
            Self::Recorded => "Your message was recorded".to_owned(),
            Self::Changed => "Your message was changed".to_owned(),
            Self::Deleted => "Your message was deleted".to_owned(),
            Self::Followed(name) => format!("You are now following \"{name}\""),
            Self::Unfollowed(name) => format!("You are no longer following \"{name}\""),
            Self::ProfileSaved => "Your profile was saved".to_owned(),
            Self::PasswordChanged => {
                "Your password was changed, and all other browsers were signed out".to_owned()
            }
            Self::TokenRevoked => "The token was revoked".to_owned(),
            Self::SignedOutEverywhere => "You were logged out everywhere".to_owned(),
            Self::AccountDeleted => "Your account was deleted".to_owned(),
        }
    }
}

/// Keeps a notice for the next page.
pub(super) fn add(jar: &CookieJar, client: &Client, flash: Flash) {
    let mut unread = read(jar);
    unread.push(flash);
    let skip = unread.len().saturating_sub(MAX_UNREAD);
    // Serializing these to memory cannot fail; were it to, the notice is not shown.
    let json = serde_json::to_vec(&unread[skip..]).unwrap_or_default();
    jar.add(cookie(COOKIE, URL_SAFE_NO_PAD.encode(json), MAX_AGE, client));
}

/// The texts of the notices that wait, which are not shown again.
pub(super) fn take(jar: &CookieJar, client: &Client) -> Vec<String> {
    let unread = read(jar);
    if !unread.is_empty() {
        jar.add(cookie(COOKIE, String::new(), Duration::ZERO, client));
    }
    unread.iter().map(Flash::text).collect()
}

/// Whether a notice waits.
pub(super) fn wait(jar: &CookieJar) -> bool {
    jar.get(COOKIE).is_some()
}

fn read(jar: &CookieJar) -> Vec<Flash> {
    let decode = |value: &str| {
        let json = URL_SAFE_NO_PAD.decode(value).ok()?;
        serde_json::from_slice(&json).ok()
    };
    jar.get(COOKIE).and_then(|cookie| decode(cookie.value_str())).unwrap_or_default()
}
