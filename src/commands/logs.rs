//! Starts the log of a subcommand.

use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::{
    config::{LogArgs, LogFormat},
    telemetry::{self, logs::Logs},
};

pub(super) fn start_logs(settings: &LogArgs) -> Result<Logs, Failure> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("--log: {error}"))?;
    Ok(telemetry::logs::start(settings.log_format == LogFormat::Json, filter)?)
}
