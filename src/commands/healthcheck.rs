//! `minitwit healthcheck`: checks the health of a local server, for its supervisor.

use super::Failure;
use crate::{
    config::HealthcheckArgs,
    server::probe::{self, Probe},
};

/// Returns an error unless the server is healthy.
///
/// The default probe is liveness: a supervisor restarts an unhealthy server, which does not repair a
/// database that readiness depends on.
pub(super) fn run(settings: &HealthcheckArgs) -> Result<(), Failure> {
    let probe = if settings.ready { Probe::Ready } else { Probe::Alive };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let response = probe::ask(settings.address.listen, probe, settings.timeout);
    println!("{}", runtime.block_on(response)?);
    Ok(())
}
