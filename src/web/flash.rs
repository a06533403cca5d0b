//! Flash messages: a cookie holds them until the page after a redirect shows them once.
//!
//! The cookie names the messages and does not contain their texts. A forged cookie can therefore only
//! select one of these messages and a username, which templates escape.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{bidi::isolate, cookies::Cookies};
use crate::domain::Weakness;

/// The beginning of the cookie's name.
pub(super) const COOKIE: &str = "flash";
const MAX_AGE: Duration = Duration::from_secs(300);
/// Keeps the cookie small. Older messages are dropped.
const MAX_PENDING: usize = 8;

const COMMON_PASSWORD: &str = "Your password is one of the 10,000 most common ones, so others guess it first. Choose another one in the settings.";
const SHORT_PASSWORD: &str = "Your password has fewer than 8 characters, so it is easy to guess. Choose a longer one in the settings.";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Flash {
    /// The cookie of an older replica.
    SignedUp,
    SignedUpAs(String),
    SignedIn,
    SignedOut,
    MessageRecorded,
    MessageChanged,
    MessageDeleted,
    Followed(String),
    Unfollowed(String),
    ProfileSaved,
    PasswordChanged,
    TokenRevoked,
    SignedOutEverywhere,
    AccountDeleted,
    /// The password is among the most common ones.
    CommonPassword,
    ShortPassword,
}

impl From<Weakness> for Flash {
    fn from(weakness: Weakness) -> Self {
        match weakness {
            Weakness::Common => Self::CommonPassword,
            Weakness::Short => Self::ShortPassword,
        }
    }
}

impl Flash {
    /// The name of a user who has just signed up.
    fn new_user(&self) -> Option<&str> {
        match self {
            Self::SignedUpAs(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it says that a text of the viewer is stored.
    pub(super) fn is_saved_text(&self) -> bool {
        matches!(self, Self::MessageRecorded | Self::MessageChanged)
    }

    /// The text of a warning.
    pub(super) fn warning(&self) -> Option<&'static str> {
        match self {
            Self::CommonPassword => Some(COMMON_PASSWORD),
            Self::ShortPassword => Some(SHORT_PASSWORD),
            _ => None,
        }
    }

    /// The text unless it is a warning, in which the name is isolated. Clients expect the exact texts of the original MiniTwit.
    pub(super) fn text(&self) -> Option<String> {
        Some(match self {
            Self::CommonPassword | Self::ShortPassword => return None,
            Self::SignedUp | Self::SignedUpAs(_) => {
                "You were successfully registered and can login now".to_owned()
            }
            Self::SignedIn => "You were logged in".to_owned(),
            Self::SignedOut => "You were logged out".to_owned(),
            Self::MessageRecorded => "Your message was recorded".to_owned(),
            Self::MessageChanged => "Your message was changed".to_owned(),
            Self::MessageDeleted => "Your message was deleted".to_owned(),
            Self::Followed(name) => format!("You are now following \"{}\"", isolate(name)),
            Self::Unfollowed(name) => {
                format!("You are no longer following \"{}\"", isolate(name))
            }
            Self::ProfileSaved => "Your profile was saved".to_owned(),
            Self::PasswordChanged => {
                "Your password was changed, and all other browsers were signed out".to_owned()
            }
            Self::TokenRevoked => "The token was revoked".to_owned(),
            Self::SignedOutEverywhere => "You were logged out everywhere".to_owned(),
            Self::AccountDeleted => "Your account was deleted".to_owned(),
        })
    }
}

/// The name in the newest message about signing up that the cookie `sent` names.
pub(super) fn new_user(sent: Option<&str>) -> Option<String> {
    read(sent).iter().rev().find_map(Flash::new_user).map(str::to_owned)
}

/// Adds messages to the pending ones that the cookie `sent` names.
pub(super) fn add(cookies: &Cookies, sent: Option<&str>, flashes: impl IntoIterator<Item = Flash>) {
    let mut pending = read(sent);
    pending.extend(flashes);
    let skip = pending.len().saturating_sub(MAX_PENDING);
    // Serializing these values to memory cannot fail.
    let json = serde_json::to_vec(&pending[skip..]).unwrap_or_default();
    cookies.set(COOKIE, URL_SAFE_NO_PAD.encode(json), MAX_AGE);
}

/// The messages that the cookie `sent` names. Removes the cookie.
pub(super) fn take(cookies: &Cookies, sent: Option<&str>) -> Vec<Flash> {
    let pending = read(sent);
    if !pending.is_empty() {
        cookies.set(COOKIE, String::new(), Duration::ZERO);
    }
    pending
}

fn read(sent: Option<&str>) -> Vec<Flash> {
    let decode = |value: &str| {
        let json = URL_SAFE_NO_PAD.decode(value).ok()?;
        serde_json::from_slice(&json).ok()
    };
    sent.and_then(decode).unwrap_or_default()
}
