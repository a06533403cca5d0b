//! Every read with a hundred times as many rows in the database.

use super::{FEW_CONNECTIONS, home, simulator, wrk};
use crate::{
    Failure,
    comparison::{Comparison, Goal, Group, Reference},
    load::Metric,
    stand::Stand,
    wrk::Requests,
};

pub fn public(stand: &Stand) -> Result<Group, Failure> {
    Ok(page("growth-public", stand, "/public"))
}

/// Half-way down the timeline (2025-07-02 12:00 UTC), where no page is kept.
pub fn older(stand: &Stand) -> Result<Group, Failure> {
    Ok(page("growth-older", stand, "/public?before=1751457600000000_0"))
}

/// A word that every tenth message had, but none of those that the rows before this one have posted.
pub fn search(stand: &Stand) -> Result<Group, Failure> {
    Ok(page("growth-search", stand, "/api/v1/search?q=water"))
}

/// A word that nobody has ever said.
pub fn nothing(stand: &Stand) -> Result<Group, Failure> {
    Ok(page("growth-nothing", stand, "/api/v1/search?q=qwertyuiop"))
}

pub fn tag(stand: &Stand) -> Result<Group, Failure> {
    Ok(page("growth-tag", stand, "/tag/music"))
}

pub fn profile(stand: &Stand) -> Result<Group, Failure> {
    Ok(page("growth-profile", stand, "/{user}"))
}

pub fn home(stand: &Stand) -> Result<Group, Failure> {
    let requests = [home::requests(stand, &stand.large)?, home::requests(stand, &stand.small)?];
    Ok(group("growth-home", stand, requests, "/"))
}

pub fn msgs(stand: &Stand) -> Result<Group, Failure> {
    Ok(list("growth-msgs", stand, "/sim/msgs"))
}

pub fn user_msgs(stand: &Stand) -> Result<Group, Failure> {
    Ok(list("growth-user-msgs", stand, "/sim/msgs/{user}"))
}

pub fn fllws(stand: &Stand) -> Result<Group, Failure> {
    Ok(list("growth-fllws", stand, "/sim/fllws/{user}"))
}

fn page(name: &'static str, stand: &Stand, path: &str) -> Group {
    let requests = Requests::get(path);
    group(name, stand, [requests.clone(), requests], path)
}

fn list(name: &'static str, stand: &Stand, path: &str) -> Group {
    let requests = Requests { headers: simulator::HEADERS.to_owned(), ..Requests::get(path) };
    group(name, stand, [requests.clone(), requests], path)
}

fn group(name: &'static str, stand: &Stand, requests: [Requests; 2], path: &str) -> Group {
    let [large, small] = requests;
    let contenders = vec![
        wrk("2,000,000 messages", &stand.large, FEW_CONNECTIONS, large),
        wrk("20,000 messages", &stand.small, FEW_CONNECTIONS, small),
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
