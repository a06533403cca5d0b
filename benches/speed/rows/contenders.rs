//! Builds the contenders of the rows.

use crate::{
    comparison::Contender,
    environment::Place,
    load::Run,
    pgbench::Pgbench,
    wrk::{Requests, Wrk},
};

/// Kept connections where throughput counts.
pub(super) const CONNECTIONS: u32 = 32;
/// Connections where latency counts: few, so that the work is measured and not the queue.
pub(super) const FEW_CONNECTIONS: u32 = 4;

pub(super) fn wrk(
    name: &'static str,
    place: &Place,
    connections: u32,
    requests: Requests,
) -> Contender {
    let (address, users) = (place.server.address.clone(), place.database.volume.users);
    let wrk = Wrk { address, requests, connections, users };
    let run: Run = Box::new(move |seconds| wrk.run(seconds));
    Contender { name, run }
}

pub(super) fn pgbench(
    name: &'static str,
    place: &Place,
    clients: u32,
    statement: String,
) -> Contender {
    let latencies = clients == FEW_CONNECTIONS;
    let pgbench = Pgbench { database: place.database.clone(), name, statement, clients, latencies };
    Contender { name: "pgbench", run: Box::new(move |seconds| pgbench.run(seconds)) }
}
