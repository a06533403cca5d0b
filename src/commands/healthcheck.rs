//! `minitwit healthcheck`: asks the server that runs beside it how it is, for whoever supervises it.

use super::Failure;
use crate::{
    config::HealthcheckArgs,
    server::probe::{self, Probe},
};

/// Fails unless the server is well.
///
/// By default it is asked whether it lives, and not whether it is ready: a supervisor restarts what is
/// not well, which does not mend a database.
pub(super) fn run(settings: &HealthcheckArgs) -> Result<(), Failure> {
    let question = if settings.ready { Probe::Ready } else { Probe::Alive };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = probe::ask(settings.address.listen, question, settings.timeout);
    println!("{}", runtime.block_on(asked)?);
    Ok(())
}
