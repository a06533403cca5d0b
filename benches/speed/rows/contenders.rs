//! Builds the contenders of the rows.

use crate::{
    comparison::Contender,
    environment::SeededServer,
    load::Run,
    pgbench::Pgbench,
    wrk::{Requests, Wrk},
};

/// Kept connections of a load that measures throughput.
pub(super) const CONNECTIONS: u32 = 32;
/// Kept connections of a load that measures latency: few, so that requests do not queue.
pub(super) const FEW_CONNECTIONS: u32 = 4;

pub(super) fn wrk(
    name: &'static str,
    seeded: &SeededServer,
    connections: u32,
    requests: Requests,
) -> Contender {
    let (address, users) = (seeded.server.address.clone(), seeded.database.volume.users);
    let wrk = Wrk { address, requests, connections, users };
    let run: Run = Box::new(move |seconds| wrk.run(seconds));
    Contender { name, run }
}

pub(super) fn pgbench(
    name: &'static str,
    seeded: &SeededServer,
    clients: u32,
    statement: String,
) -> Contender {
    let latencies = clients <= FEW_CONNECTIONS;
    let pgbench =
        Pgbench { database: seeded.database.clone(), name, statement, clients, latencies };
    Contender { name: "pgbench", run: Box::new(move |seconds| pgbench.run(seconds)) }
}
