//! The requests and response bodies of the simulator API's contract.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::scenario::{Action, Command, Scenario};

/// The most messages or followees of a user that the API returns.
pub(crate) const API_PAGE_MAX: usize = 1_000;
/// The path of `latest`.
pub(crate) const LATEST: &str = "/latest";
/// The path of the newest message of all users.
pub(crate) const MESSAGES: &str = "/msgs?no=1";

#[derive(Serialize)]
#[serde(untagged)]
enum CommandBody<'a> {
    Register { username: &'a str, email: &'a str, pwd: &'a str },
    Tweet { content: &'a str },
    Follow { follow: &'a str },
    Unfollow { unfollow: &'a str },
}

/// A message in a response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct MessageBody {
    pub(crate) content: String,
    /// Seconds since the Unix epoch. Only its type is checked, because clocks differ.
    #[serde(rename = "pub_date")]
    pub(crate) _pub_date: i64,
    pub(crate) user: String,
}

/// The response with a user's followees.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct FollowsBody {
    pub(crate) follows: Vec<String>,
}

/// The response with `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct LatestBody {
    pub(crate) latest: i64,
}

/// The path and the body of a command's POST request.
pub(crate) fn of_command(scenario: &Scenario, command: &Command) -> (String, Vec<u8>) {
    let name = scenario.name(command.user);
    let (path, body) = match &command.action {
        Action::Register { email, password } => {
            ("/register".to_owned(), CommandBody::Register { username: name, email, pwd: password })
        }
        Action::Tweet(text) => (messages_path(name), CommandBody::Tweet { content: text }),
        Action::Follow(followee) => {
            (follows_path(name), CommandBody::Follow { follow: scenario.name(*followee) })
        }
        Action::Unfollow(followee) => {
            (follows_path(name), CommandBody::Unfollow { unfollow: scenario.name(*followee) })
        }
    };
    // Strings always serialize.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    (format!("{path}?latest={}", command.number), body)
}

/// The path of a user's messages.
pub(crate) fn messages_path(name: &str) -> String {
    format!("/msgs/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// The path of a user's followees.
pub(crate) fn follows_path(name: &str) -> String {
    format!("/fllws/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// The path of a user's newest messages, as many as the API returns.
pub(crate) fn newest_messages(name: &str) -> String {
    format!("{}?no={API_PAGE_MAX}", messages_path(name))
}

/// The path of a user's newest message.
pub(crate) fn newest_message(name: &str) -> String {
    format!("{}?no=1", messages_path(name))
}

/// The path of a user's followees, as many as the API returns.
pub(crate) fn followees(name: &str) -> String {
    format!("{}?no={API_PAGE_MAX}", follows_path(name))
}
