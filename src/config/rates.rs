//! Rate limits.

use clap::Args;

/// Rate limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct RateArgs {
    /// Wrong passwords a minute for one account from one address, by page and API; 0 for no limit
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

    /// Registrations (sign-ups) a minute from one address, except the authenticated simulator's; 0
    /// for no limit
    #[arg(
        long,
        env = "MINITWIT_REGISTRATIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 60
    )]
    pub registrations_per_address: u32,

    /// Messages a minute from one account, by page and API, after a burst; 0 for no limit
    #[arg(long, env = "MINITWIT_POSTS_PER_ACCOUNT", value_name = "NUMBER", default_value_t = 20)]
    pub posts_per_account: u32,

    /// Messages that one account may post at once
    #[arg(
        long,
        env = "MINITWIT_POST_BURST",
        value_name = "NUMBER",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub post_burst: u32,

    /// Edits, follows and unfollows a minute by one account, by page and API; 0 for no limit
    #[arg(
        long,
        env = "MINITWIT_CHANGES_PER_ACCOUNT",
        value_name = "NUMBER",
        default_value_t = 120
    )]
    pub changes_per_account: u32,

    /// Downloads of the own data a minute from one account; 0 for no limit
    #[arg(
        long,
        env = "MINITWIT_DOWNLOADS_PER_ACCOUNT",
        value_name = "NUMBER",
        default_value_t = 6
    )]
    pub downloads_per_account: u32,
}
