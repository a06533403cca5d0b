//! One client that waits for each response: the simulator API on one connection, without and with `latest`.

use super::{
    pgbench,
    simulator::{Command, follow, list, post},
    wrk,
};
use crate::{
    Failure,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    environment::Environment,
    load::Metric,
    queries,
    wrk::Requests,
};

/// Bound of the p50 with `latest`, as a multiple of that without, where the request writes itself.
const WRITE_GOAL: f64 = 1.2;
/// The same bound for the shortest list, whose statement is shorter than the write of `latest`.
const LIST_GOAL: f64 = 1.5;

pub fn tweets(environment: &Environment) -> Result<Group, Failure> {
    group("one-tweets", environment, &post(), WRITE_GOAL)
}

pub fn follows(environment: &Environment) -> Result<Group, Failure> {
    group("one-follows", environment, &follow(), WRITE_GOAL)
}

pub fn messages(environment: &Environment) -> Result<Group, Failure> {
    group("one-messages", environment, &list(1), LIST_GOAL)
}

/// The server's write of `latest`, whatever the arrival of its row.
pub(super) fn latest_statement() -> Result<String, Failure> {
    queries::find(&["INSERT INTO simulator_latest AS latest"], &["0", ":user", "latest.arrival"])
}

fn group(
    name: &'static str,
    environment: &Environment,
    command: &Command,
    goal: f64,
) -> Result<Group, Failure> {
    let large = &environment.large;
    let both = format!("{};\n{}", command.statement, latest_statement()?);
    let http = |name, requests| wrk(name, large, 1, requests);
    let sql = |name, statement| Contender { name, ..pgbench(name, large, 1, statement) };
    let contenders = vec![
        http("minitwit", command.requests.clone()),
        http("minitwit, latest", command.with_latest()),
        http("minitwit, close", closing(command.requests.clone())),
        http("minitwit, close, latest", closing(command.with_latest())),
        sql("pgbench", command.statement.clone()),
        sql("pgbench, latest", both),
    ];
    let comparison = |with: &str, against, ours, theirs, goal| Comparison {
        what: format!("{}, one connection{with}", command.what),
        against,
        ours,
        theirs: Reference::Contender(theirs),
        metric: Metric::P50,
        goal: Goal::AtMost(goal),
    };
    let comparisons = vec![
        comparison("", "pgbench, its one statement", 0, 4, 1.5),
        comparison(", each with `latest`", "the same without", 1, 0, goal),
        comparison(", each with `latest`", "pgbench, both statements", 1, 5, 1.5),
        comparison(" a request", "pgbench, its one statement", 2, 4, 1.5),
        comparison(" a request, each with `latest`", "the same without", 3, 2, goal),
    ];
    Ok(Group { name, contenders, comparisons, seconds: None })
}

/// The same requests, each on a connection of its own.
fn closing(requests: Requests) -> Requests {
    Requests { headers: format!("{}Connection: close\r\n", requests.headers), ..requests }
}
