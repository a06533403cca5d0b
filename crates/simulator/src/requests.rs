//! The contract's requests: what is sent for a command, and what is read back.

use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{
    generator::MOST_SHOWN,
    scenario::{Action, Command, Scenario},
};

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Register { username: &'a str, email: &'a str, pwd: &'a str },
    Tweet { content: &'a str },
    Follow { follow: &'a str },
    Unfollow { unfollow: &'a str },
}

/// A message as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ShownMessage {
    pub(super) content: String,
    /// Seconds since the Unix epoch; read for its type, since clocks differ.
    #[serde(rename = "pub_date")]
    pub(super) _pub_date: i64,
    pub(super) user: String,
}

/// Whom somebody follows, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ShownFollows {
    pub(super) follows: Vec<String>,
}

/// The command that came last, as the API shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct ShownLatest {
    pub(super) latest: i64,
}

/// The path and the body of a command's POST request.
pub(super) fn of_command(scenario: &Scenario, command: &Command) -> (String, Vec<u8>) {
    let name = scenario.name(command.user);
    let (path, body) = match &command.action {
        Action::Register { email, password } => {
            ("/register".to_owned(), Body::Register { username: name, email, pwd: password })
        }
        Action::Tweet(text) => (messages_path(name), Body::Tweet { content: text }),
        Action::Follow(whom) => (follows_path(name), Body::Follow { follow: scenario.name(*whom) }),
        Action::Unfollow(whom) => {
            (follows_path(name), Body::Unfollow { unfollow: scenario.name(*whom) })
        }
    };
    // Texts alone: there is nothing that JSON could not hold.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    (format!("{path}?latest={}", command.number), body)
}

/// The path of somebody's messages.
fn messages_path(name: &str) -> String {
    format!("/msgs/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

fn follows_path(name: &str) -> String {
    format!("/fllws/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// The path that shows all of somebody's messages that can be shown.
pub(super) fn shown_messages(name: &str) -> String {
    format!("{}?no={MOST_SHOWN}", messages_path(name))
}

/// The path that shows all whom somebody follows who can be shown.
pub(super) fn shown_follows(name: &str) -> String {
    format!("{}?no={MOST_SHOWN}", follows_path(name))
}

/// The path of `latest`.
pub(super) const LATEST: &str = "/latest";

/// The method of every command.
pub(super) const COMMAND: Method = Method::POST;
