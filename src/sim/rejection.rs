//! What happens when a command of the simulator is refused: it is counted by kind, and logged with
//! all that is needed to repair it later. A lost registration costs every later command of its user.

use super::failure::Answer;
use crate::telemetry::{metrics, request::RequestId};

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
        let (request_id, command) = (RequestId::current_field(), self.name());
        match self {
            Self::Register { username, email } => {
                tracing::warn!(
                    request_id,
                    command,
                    status,
                    reason,
                    username,
                    email,
                    "command rejected"
                );
            }
            Self::Tweet { username, text } => {
                tracing::warn!(
                    request_id,
                    command,
                    status,
                    reason,
                    username,
                    text,
                    "command rejected"
                );
            }
            Self::Follow { username, followee } | Self::Unfollow { username, followee } => {
                tracing::warn!(
                    request_id,
                    command,
                    status,
                    reason,
                    username,
                    followee,
                    "command rejected"
                );
            }
            Self::Unclear { username } => {
                tracing::warn!(request_id, command, status, reason, username, "command rejected");
            }
        }
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
