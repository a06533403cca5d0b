//! The settings of `minitwit healthcheck`.

use std::time::Duration;

use clap::Args;

use super::{AddressArgs, values::seconds};

/// The settings of `minitwit healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Where the server is: its own settings tell.
    #[command(flatten)]
    pub address: AddressArgs,

    /// Ask whether it is ready to be sent requests, too, and not only whether it lives
    #[arg(long, env = "MINITWIT_HEALTHCHECK_READY")]
    pub ready: bool,

    /// Seconds that the answer may take
    #[arg(
        long,
        env = "MINITWIT_HEALTHCHECK_TIMEOUT",
        value_name = "SECONDS",
        default_value = "3",
        value_parser = seconds
    )]
    pub timeout: Duration,
}
