//! The settings of the simulator's credentials.

use clap::Args;

use super::values::{Secret, secret_file};

/// The simulator's password in the contract, which everybody knows.
pub(super) const WELL_KNOWN_PASSWORD: &str = "super_safe!";

/// The simulator's credentials, which the server asks for and the simulator sends.
#[derive(Debug, Args)]
pub struct SimulatorCredentialArgs {
    /// User name of the simulator's HTTP Basic credentials
    #[arg(
        long,
        env = "MINITWIT_SIMULATOR_USERNAME",
        value_name = "NAME",
        default_value = "simulator"
    )]
    pub simulator_username: String,

    /// Password of the simulator's HTTP Basic credentials; the default is the contract's, known to all
    /// [default: super_safe!]
    #[arg(
        long,
        env = "MINITWIT_SIMULATOR_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub simulator_password: Option<Secret>,

    /// Read that password from this file
    #[arg(
        long,
        env = "MINITWIT_SIMULATOR_PASSWORD_FILE",
        value_name = "FILE",
        value_parser = secret_file,
        conflicts_with = "simulator_password"
    )]
    pub simulator_password_file: Option<Secret>,
}

impl SimulatorCredentialArgs {
    /// The password that was set, be it as it is or by a file; otherwise the contract's.
    #[must_use]
    pub fn password(&self) -> Secret {
        let set = self.simulator_password.clone().or_else(|| self.simulator_password_file.clone());
        set.unwrap_or_else(|| WELL_KNOWN_PASSWORD.into())
    }
}
