//! Counts, logs and records rejected commands.
//!
//! The recorded line has all data that a repair needs, because a lost registration makes every later
//! command of its user fail. The log line has neither e-mail address nor text. An internal error has a
//! log line of its own.

use poem::http::Method;

use super::error::ErrorResponse;
use crate::telemetry::{
    metrics,
    rejected_commands::{RejectedCommand, record},
    request::cut,
};

/// A command, with the data to repeat it, except the password.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command<'a> {
    Register {
        username: &'a str,
        email: &'a str,
        authenticated: bool,
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
        let (username, email, text, followee) = match self {
            Self::Register { username, email, .. } => (username, Some(email), None, None),
            Self::Tweet { username, text } => (username, None, Some(text), None),
            Self::Follow { username, followee } | Self::Unfollow { username, followee } => {
                (username, None, None, Some(followee))
            }
            Self::FollowOrUnfollow { username } => (username, None, None, None),
        };
        let authenticated = !matches!(self, Self::Register { authenticated: false, .. });
        let reason = response.text.as_str();
        metrics::simulator_rejected(command, status);
        record(RejectedCommand {
            command,
            status,
            reason,
            authenticated,
            username: Some(username),
            email,
            text,
            followee,
            path: None,
        });
        if response.status.is_server_error() {
            return;
        }
        let (reason, username) = (cut(reason), cut(username));
        let followee = followee.map(cut);
        // `tracing` omits fields that are `None`.
        tracing::warn!(command, status, reason, username, followee, "command rejected");
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

/// Counts, logs and records a request that was rejected before its body was read. The path contains the
/// user.
pub(super) fn report_unread(
    method: &Method,
    path: &str,
    authenticated: bool,
    response: &ErrorResponse,
) {
    let (status, reason, path) = (response.status.as_u16(), response.text.as_str(), cut(path));
    let command = match (method, path.split('/').nth(1)) {
        (&Method::POST, Some("register")) => Some("register"),
        (&Method::POST, Some("msgs")) => Some("tweet"),
        (&Method::POST, Some("fllws")) => Some("follow_or_unfollow"),
        _ => None,
    };
    if let Some(command) = command {
        metrics::simulator_rejected(command, status);
        record(RejectedCommand {
            command,
            status,
            reason,
            authenticated,
            username: None,
            email: None,
            text: None,
            followee: None,
            path: Some(path),
        });
    }
    if !response.status.is_server_error() {
        tracing::warn!(command, path, status, reason = cut(reason), "request rejected");
    }
}
