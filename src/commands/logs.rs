//! Starts the log of a subcommand.

use tracing_subscriber::EnvFilter;

use super::{Failure, panics};
use crate::{
    config::{LogArgs, LogFormat},
    telemetry::{
        self,
        logs::{Logs, Stream},
    },
};

/// For commands: the log goes to standard error, because standard output has the results alone.
pub(super) fn start_logs(settings: &LogArgs) -> Result<Logs, Failure> {
    start(settings, Stream::StandardError)
}

/// For servers, whose log is their output: it goes to standard output.
pub(super) fn start_server_logs(settings: &LogArgs) -> Result<Logs, Failure> {
    start(settings, Stream::StandardOutput)
}

fn start(settings: &LogArgs, stream: Stream) -> Result<Logs, Failure> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("--log: {error}"))?;
    let is_json = settings.log_format == LogFormat::Json;
    let logs = telemetry::logs::start(is_json, filter, stream)?;
    panics::end_process();
    Ok(logs)
}
