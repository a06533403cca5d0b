//! Starts the log of a subcommand.

use tracing_subscriber::EnvFilter;

use super::{Failure, panics};
use crate::{
    config::{LogArgs, LogFormat},
    telemetry::{self, logs::Logs},
};

pub(super) fn start_logs(settings: &LogArgs) -> Result<Logs, Failure> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("--log: {error}"))?;
    let logs = telemetry::logs::start(settings.log_format == LogFormat::Json, filter)?;
    panics::end_process();
    Ok(logs)
}
