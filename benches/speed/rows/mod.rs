//! The rows of the table, by the groups of loads that take turns.

mod growth;
mod home;
mod public;
mod registrations;
mod simulator;

use crate::{
    Failure,
    comparison::{Contender, Group},
    environment::{Environment, Place},
    load::Run,
    pgbench::Pgbench,
    wrk::{Requests, Wrk},
};

/// Connections that stay open, where it is counted how much the server does.
const CONNECTIONS: u32 = 32;
/// Connections where it is measured how long an answer takes: few, so that it is the work that is
/// measured and not the line of those who wait.
const FEW_CONNECTIONS: u32 = 4;

/// A group that is yet to be made.
pub type Making = fn(&Environment) -> Result<Group, Failure>;

/// The groups, by name.
pub const ALL: &[(&str, Making)] = &[
    ("tweets", simulator::tweets),
    ("follows", simulator::follows),
    ("messages", simulator::messages),
    ("public", public::public),
    ("home", home::home),
    ("registrations", registrations::registrations),
    ("growth-public", growth::public),
    ("growth-older", growth::older),
    ("growth-search", growth::search),
    ("growth-nothing", growth::nothing),
    ("growth-tag", growth::tag),
    ("growth-home", growth::home),
    ("growth-profile", growth::profile),
    ("growth-msgs", growth::msgs),
    ("growth-user-msgs", growth::user_msgs),
    ("growth-fllws", growth::fllws),
];

fn wrk(name: &'static str, place: &Place, connections: u32, requests: Requests) -> Contender {
    let (address, users) = (place.server.address.clone(), place.database.volume.users);
    let wrk = Wrk { address, requests, connections, users };
    let run: Run = Box::new(move |seconds| wrk.run(seconds));
    Contender { name, run }
}

fn pgbench(name: &'static str, place: &Place, clients: u32, statement: String) -> Contender {
    let latencies = clients == FEW_CONNECTIONS;
    let pgbench = Pgbench { database: place.database.clone(), name, statement, clients, latencies };
    Contender { name: "pgbench", run: Box::new(move |seconds| pgbench.run(seconds)) }
}
