//! The simulator API: posting, following and reading, without and with `latest`.

use super::{CONNECTIONS, pgbench, wrk};
use crate::{
    Failure,
    comparison::{Comparison, Goal, Group, Reference},
    environment::Environment,
    load::Metric,
    pgbench::name_of,
    server::DATABASE_CONNECTIONS,
    wrk::Requests,
};

/// The simulator's credentials and content type.
pub const HEADERS: &str = "Authorization: Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh\r\n\
                           Content-Type: application/json\r\n";
/// Text of a post, of the average length in the simulator's scenario.
const TEXT: &str = "The man put some of the money in his pocket, and went home by the long way.";
const MESSAGES_PER_REQUEST: u32 = 30;

pub fn tweets(environment: &Environment) -> Result<Group, Failure> {
    Ok(group("tweets", environment, post(), 0.8))
}

pub fn follows(environment: &Environment) -> Result<Group, Failure> {
    Ok(group("follows", environment, follow(), 0.8))
}

pub fn messages(environment: &Environment) -> Result<Group, Failure> {
    Ok(group("messages", environment, list(MESSAGES_PER_REQUEST), 0.7))
}

/// A command of the simulator, and the one statement that it needs.
pub(super) struct Command {
    pub(super) what: String,
    pub(super) requests: Requests,
    pub(super) statement: String,
}

impl Command {
    /// The same requests, each with a value of `latest`.
    pub(super) fn with_latest(&self) -> Requests {
        let mark = if self.requests.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{mark}latest={{latest}}", self.requests.path);
        Requests { path, ..self.requests.clone() }
    }
}

pub(super) fn post() -> Command {
    let requests = Requests {
        method: "POST",
        path: "/sim/msgs/{user}".to_owned(),
        headers: HEADERS.to_owned(),
        body: format!("{{\"content\": \"{TEXT}\"}}"),
    };
    let statement = format!(
        "INSERT INTO messages (author_id, text) SELECT user_id, '{TEXT}' FROM users WHERE username = {}",
        name_of("user"),
    );
    Command { what: "`POST /sim/msgs/{user}`".to_owned(), requests, statement }
}

pub(super) fn follow() -> Command {
    let requests = Requests {
        method: "POST",
        path: "/sim/fllws/{user}".to_owned(),
        headers: HEADERS.to_owned(),
        body: "{\"follow\": \"{other}\"}".to_owned(),
    };
    let statement = format!(
        "INSERT INTO follows (follower_id, followee_id)
         SELECT follower.user_id, followee.user_id FROM users AS follower, users AS followee
         WHERE follower.username = {} AND followee.username = {} ON CONFLICT DO NOTHING",
        name_of("user"),
        name_of("other"),
    );
    Command { what: "`POST /sim/fllws/{user}`".to_owned(), requests, statement }
}

pub(super) fn list(limit: u32) -> Command {
    let requests = Requests {
        headers: HEADERS.to_owned(),
        ..Requests::get(&format!("/sim/msgs/{{user}}?no={limit}"))
    };
    // The one SELECT that is needed. Under load, the API reads the messages of several authors in one statement.
    let statement = format!(
        "SELECT text, published_at FROM messages
         WHERE author_id = (SELECT user_id FROM users WHERE username = {}) AND NOT flagged
         ORDER BY published_at DESC, message_id DESC LIMIT {limit}",
        name_of("user"),
    );
    let what = format!("`GET /sim/msgs/{{user}}?no={limit}`");
    Command { what, requests, statement }
}

fn group(name: &'static str, environment: &Environment, command: Command, goal: f64) -> Group {
    let with_latest = command.with_latest();
    let Command { what, requests, statement } = command;
    let contenders = vec![
        wrk("minitwit", &environment.large, CONNECTIONS, requests),
        wrk("minitwit, latest", &environment.large, CONNECTIONS, with_latest),
        pgbench(name, &environment.large, DATABASE_CONNECTIONS.into(), statement),
    ];
    let comparison = |what: String, against, ours, theirs, goal| Comparison {
        what,
        against,
        ours,
        theirs: Reference::Contender(theirs),
        metric: Metric::Rate,
        goal: Goal::AtLeast(goal),
    };
    let comparisons = vec![
        comparison(what.clone(), "pgbench, its one statement", 0, 2, goal),
        comparison(format!("{what}, each with `latest`"), "the same without", 1, 0, 0.8),
    ];
    Group { name, contenders, comparisons, seconds: None }
}
