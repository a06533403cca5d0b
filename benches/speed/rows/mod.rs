//! The rows of the table by group.

mod contenders;
mod growth;
mod home;
mod imports;
mod isolation;
mod one_connection;
mod public;
mod registrations;
mod scenario;
mod simulator;

use crate::{Failure, comparison::Group, environment::Environment};
use contenders::{CONNECTIONS, FEW_CONNECTIONS, pgbench, wrk};

/// Builds a group.
pub type BuildGroup = fn(&Environment) -> Result<Group, Failure>;

/// The groups by name.
pub const ALL: &[(&str, BuildGroup)] = &[
    ("tweets", simulator::tweets),
    ("follows", simulator::follows),
    ("messages", simulator::messages),
    ("one-tweets", one_connection::tweets),
    ("one-follows", one_connection::follows),
    ("one-messages", one_connection::messages),
    ("scenario", scenario::scenario),
    ("public", public::public),
    ("home", home::home),
    ("registrations", registrations::registrations),
    ("isolation", isolation::isolation),
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
    ("imports", imports::imports),
    ("imports-beside", imports::beside),
];
