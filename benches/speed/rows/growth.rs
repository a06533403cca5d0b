//! Every read, with a hundred times as many rows in the database.

use super::{FEW_CONNECTIONS, home, simulator, wrk};
use crate::{
    Failure,
    comparison::{Comparison, Goal, Group, Reference},
    environment::Environment,
    load::Metric,
    wrk::Requests,
};

pub fn public(environment: &Environment) -> Result<Group, Failure> {
    Ok(page("growth-public", environment, "/public"))
}

/// The middle of the timeline (2025-07-02 12:00 UTC), which the page cache does not hold.
pub fn older(environment: &Environment) -> Result<Group, Failure> {
    Ok(page("growth-older", environment, "/public?before=1751457600000000_0"))
}

/// A word in every tenth seeded message, but in no message that earlier rows of the table have posted.
pub fn search(environment: &Environment) -> Result<Group, Failure> {
    Ok(page("growth-search", environment, "/api/v1/search?q=water"))
}

/// A word in no message.
pub fn nothing(environment: &Environment) -> Result<Group, Failure> {
    Ok(page("growth-nothing", environment, "/api/v1/search?q=qwertyuiop"))
}

pub fn tag(environment: &Environment) -> Result<Group, Failure> {
    Ok(page("growth-tag", environment, "/tag/music"))
}

pub fn profile(environment: &Environment) -> Result<Group, Failure> {
    Ok(page("growth-profile", environment, "/{user}"))
}

pub fn home(environment: &Environment) -> Result<Group, Failure> {
    let requests = [
        home::requests(environment, &environment.large)?,
        home::requests(environment, &environment.small)?,
    ];
    Ok(group("growth-home", environment, requests, "/"))
}

pub fn msgs(environment: &Environment) -> Result<Group, Failure> {
    Ok(list("growth-msgs", environment, "/sim/msgs"))
}

pub fn user_msgs(environment: &Environment) -> Result<Group, Failure> {
    Ok(list("growth-user-msgs", environment, "/sim/msgs/{user}"))
}

pub fn fllws(environment: &Environment) -> Result<Group, Failure> {
    Ok(list("growth-fllws", environment, "/sim/fllws/{user}"))
}

fn page(name: &'static str, environment: &Environment, path: &str) -> Group {
    let requests = Requests::get(path);
    group(name, environment, [requests.clone(), requests], path)
}

fn list(name: &'static str, environment: &Environment, path: &str) -> Group {
    let requests = Requests { headers: simulator::HEADERS.to_owned(), ..Requests::get(path) };
    group(name, environment, [requests.clone(), requests], path)
}

fn group(
    name: &'static str,
    environment: &Environment,
    requests: [Requests; 2],
    path: &str,
) -> Group {
    let [large, small] = requests;
    let contenders = vec![
        wrk("2,000,000 messages", &environment.large, FEW_CONNECTIONS, large),
        wrk("20,000 messages", &environment.small, FEW_CONNECTIONS, small),
    ];
    let comparisons = vec![Comparison {
        what: format!("`GET {path}` at 2,000,000 messages"),
        against: "the same at 20,000",
        ours: 0,
        theirs: Reference::Contender(1),
        metric: Metric::P99,
        goal: Goal::AtMost(1.3),
    }];
    Group { name, contenders, comparisons, seconds: None }
}
