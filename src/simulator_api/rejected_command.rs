//! What happens when a command of the simulator is refused: it is counted by kind, and logged with
//! all that is needed to repair it later. A lost registration costs every later command of its user.

use poem::http::Method;

use super::failure::Answer;
use crate::telemetry::{metrics, request::loggable_id};

/// A command, with what it would take to carry it out by hand. Never a password.
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
    /// A follow request that says neither or both.
    Unclear {
        username: &'a str,
    },
}

impl Command<'_> {
    /// Counts and logs the refusal of this command.
    pub(super) fn rejected(self, answer: &Answer) {
        let (status, reason) = (answer.status.as_u16(), answer.text.as_str());
        metrics::simulator_rejected(self.name(), status);
        let (request_id, command) = (loggable_id(), self.name());
        let (username, email, text, followee) = match self {
            Self::Register { username, email } => (username, Some(email), None, None),
            Self::Tweet { username, text } => (username, None, Some(text), None),
            Self::Follow { username, followee } | Self::Unfollow { username, followee } => {
                (username, None, None, Some(followee))
            }
            Self::Unclear { username } => (username, None, None, None),
        };
        // What is `None` is left out of the line.
        tracing::warn!(
            request_id,
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
            Self::Unclear { .. } => "follow_or_unfollow",
        }
    }
}

/// Counts and logs a request that was refused before its body was read as a command. Its path names
/// the user.
pub(super) fn unread(method: &Method, path: &str, answer: &Answer) {
    let (status, reason) = (answer.status.as_u16(), answer.text.as_str());
    let command = match (method, path.split('/').nth(1)) {
        (&Method::POST, Some("register")) => Some("register"),
        (&Method::POST, Some("msgs")) => Some("tweet"),
        (&Method::POST, Some("fllws")) => Some("follow_or_unfollow"),
        _ => None,
    };
    if let Some(command) = command {
        metrics::simulator_rejected(command, status);
    }
    tracing::warn!(request_id = loggable_id(), command, path, status, reason, "request refused");
}
