//! The simulator's credentials.

use clap::Args;

use super::values::{Secret, secret_file};

/// The password in the simulator's contract, which is public.
pub(super) const WELL_KNOWN_PASSWORD: &str = "super_safe!";

/// The credentials that the server requires and `minitwit simulate` sends.
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

    /// Password of the simulator's HTTP Basic credentials; the default is public, because the
    /// contract contains it [default: super_safe!]
    #[arg(
        long,
        env = "MINITWIT_SIMULATOR_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub simulator_password: Option<Secret>,

    /// Read the simulator's password from this file
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
    /// The password from the file or the flag; otherwise the contract's.
    #[must_use]
    pub fn password(&self) -> Secret {
        let set = self.simulator_password.clone().or_else(|| self.simulator_password_file.clone());
        set.unwrap_or_else(|| WELL_KNOWN_PASSWORD.into())
    }
}
