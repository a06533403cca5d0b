//! Rate limits.

use clap::Args;

/// Rate limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct RateArgs {
    /// Sign-in attempts a minute for one account, by page and API; 0 for no limit
    #[arg(
        long,
        env = "MINITWIT_SIGN_INS_PER_ACCOUNT",
        value_name = "NUMBER",
        default_value_t = 60
    )]
    pub sign_ins_per_account: u32,

    /// Sign-in attempts a minute from one address, by page and API; 0 for no limit
    #[arg(
        long,
        env = "MINITWIT_SIGN_INS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 600
    )]
    pub sign_ins_per_address: u32,

    /// Registrations a minute from one address, except the authenticated simulator's; 0 for no
    /// limit
    #[arg(
        long,
        env = "MINITWIT_REGISTRATIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 600
    )]
    pub registrations_per_address: u32,

    /// Messages a minute from one account, by page and API; 0 for no limit
    #[arg(long, env = "MINITWIT_POSTS_PER_ACCOUNT", value_name = "NUMBER", default_value_t = 600)]
    pub posts_per_account: u32,
}
