//! `minitwit healthcheck`: checks the health of a local server, for supervisors.

use super::Failure;
use crate::{
    config::HealthcheckArgs,
    server::probe::{self, Probe},
};

/// Checks by default whether the server responds, not whether it is ready: supervisors restart an
/// unhealthy server, and a restart does not repair a database.
pub(super) fn run(settings: &HealthcheckArgs) -> Result<(), Failure> {
    let probe = if settings.ready { Probe::Ready } else { Probe::Alive };
    let address = settings.address.operations_listen.unwrap_or(settings.address.listen);
    println!("{}", probe::check(address, probe, settings.timeout)?);
    Ok(())
}
