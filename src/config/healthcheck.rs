//! The settings of `minitwit healthcheck`.

use std::time::Duration;

use clap::Args;

use super::{AddressArgs, values::seconds};

/// The settings of `minitwit healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The addresses, from the server's own settings.
    #[command(flatten)]
    pub address: AddressArgs,

    /// Check readiness (/readyz) instead of liveness (/healthz)
    #[arg(long)]
    pub ready: bool,

    /// Time-out of the check in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub timeout: Duration,
}
