//! The settings of the limits on how often something may be tried.

use clap::Args;

/// How often something may be tried.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct RateArgs {
    /// Attempts a minute to sign in to one account, by page and API; 0 for no limit
    #[arg(
        long,
        env = "MINITWIT_SIGN_INS_PER_ACCOUNT",
        value_name = "NUMBER",
        default_value_t = 60
    )]
    pub sign_ins_per_account: u32,

    /// Attempts a minute to sign in from one address, by page and API; 0 for no limit
    #[arg(
        long,
        env = "MINITWIT_SIGN_INS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 600
    )]
    pub sign_ins_per_address: u32,

    /// Registrations a minute from one address, the authenticated simulator's not counted; 0 for no
    /// limit
    #[arg(
        long,
        env = "MINITWIT_REGISTRATIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 600
    )]
    pub registrations_per_address: u32,

    /// Messages a minute of one account, by page and API; 0 for no limit
    #[arg(long, env = "MINITWIT_POSTS_PER_ACCOUNT", value_name = "NUMBER", default_value_t = 600)]
    pub posts_per_account: u32,
}
