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
    Ok(group("tweets", environment, requests, statement, "`POST /sim/msgs/{user}`", 0.8))
}

pub fn follows(environment: &Environment) -> Result<Group, Failure> {
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
    Ok(group("follows", environment, requests, statement, "`POST /sim/fllws/{user}`", 0.8))
}

pub fn messages(environment: &Environment) -> Result<Group, Failure> {
    let requests = Requests {
        headers: HEADERS.to_owned(),
        ..Requests::get(&format!("/sim/msgs/{{user}}?no={MESSAGES_PER_REQUEST}"))
    };
    // The one SELECT that is needed. Under load, the API reads the messages of several authors in one statement.
    let statement = format!(
        "SELECT text, published_at FROM messages
         WHERE author_id = (SELECT user_id FROM users WHERE username = {}) AND NOT flagged
         ORDER BY published_at DESC, message_id DESC LIMIT {MESSAGES_PER_REQUEST}",
        name_of("user"),
    );
    let what = format!("`GET /sim/msgs/{{user}}?no={MESSAGES_PER_REQUEST}`");
    Ok(group("messages", environment, requests, statement, &what, 0.7))
}

fn group(
    name: &'static str,
    environment: &Environment,
    requests: Requests,
    statement: String,
    what: &str,
    goal: f64,
) -> Group {
    let mark = if requests.path.contains('?') { '&' } else { '?' };
    let path = format!("{}{mark}latest={{latest}}", requests.path);
    let with_latest = Requests { path, ..requests.clone() };
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
        comparison(what.to_owned(), "pgbench, its one statement", 0, 2, goal),
        comparison(format!("{what}, each with `latest`"), "the same without", 1, 0, 0.8),
    ];
    Group { name, contenders, comparisons, seconds: None }
}
