//! Counts and logs rejected commands.
//!
//! The log line has all data that a repair needs, because a lost registration makes every later command
//! of its user fail.

use poem::http::Method;

use super::error::ErrorResponse;
use crate::telemetry::metrics;

/// A command, with the data to repeat it, except the password.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command<'a> {
    Register {
        username: &'a str,
        email: &'a str,
    },
    Tweet {
        username: &'a str,
        text: &'a str,
    },
    Follow {
        username: &'a str,
        followee: &'a str,
    },
    Unfollow {
        username: &'a str,
        followee: &'a str,
    },
    /// A body with both or neither of the two fields.
    FollowOrUnfollow {
        username: &'a str,
    },
}

impl Command<'_> {
    pub(super) fn report_rejected(self, response: &ErrorResponse) {
        let (command, status) = (self.name(), response.status.as_u16());
        metrics::simulator_rejected(command, status);
        let reason = response.text.as_str();
        let (username, email, text, followee) = match self {
            Self::Register { username, email } => (username, Some(email), None, None),
            Self::Tweet { username, text } => (username, None, Some(text), None),
            Self::Follow { username, followee } | Self::Unfollow { username, followee } => {
                (username, None, None, Some(followee))
            }
            Self::FollowOrUnfollow { username } => (username, None, None, None),
        };
        // `tracing` omits fields that are `None`.
        tracing::warn!(
            command,
            status,
            reason,
            username,
            email,
            text,
            followee,
            "command rejected"
        );
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Tweet { .. } => "tweet",
            Self::Follow { .. } => "follow",
            Self::Unfollow { .. } => "unfollow",
            Self::FollowOrUnfollow { .. } => "follow_or_unfollow",
        }
    }
}

/// Counts and logs a request that was rejected before its body was read. The path contains the user.
pub(super) fn report_unread(method: &Method, path: &str, response: &ErrorResponse) {
    let (status, reason) = (response.status.as_u16(), response.text.as_str());
    let command = match (method, path.split('/').nth(1)) {
        (&Method::POST, Some("register")) => Some("register"),
        (&Method::POST, Some("msgs")) => Some("tweet"),
        (&Method::POST, Some("fllws")) => Some("follow_or_unfollow"),
        _ => None,
    };
    if let Some(command) = command {
        metrics::simulator_rejected(command, status);
    }
    tracing::warn!(command, path, status, reason, "request refused");
}
