//! Passwords and sessions.

use clap::Args;

/// Passwords.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub struct PasswordArgs {
    /// bcrypt cost; each step doubles the time to hash a password
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_COST",
        value_name = "COST",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(10..=16),
        global = true
    )]
    pub password_cost: u32,
}

/// Passwords and sessions.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub struct AccountArgs {
    /// Password hashing.
    #[command(flatten)]
    pub passwords: PasswordArgs,

    /// Minimum number of characters of new passwords, except those of the simulator [default: 1; 8 with
    /// --production]
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_MINIMUM",
        value_name = "CHARACTERS",
        value_parser = clap::value_parser!(u8).range(1..=64)
    )]
    pub password_minimum: Option<u8>,

    /// Number of passwords hashed in parallel; the simulator's registrations use as many again
    /// [default: half of the processors]
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_WORKERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub password_workers: Option<u16>,

    /// Length of each queue for hashing (simulator, known clients, sign-ins, sign-ups); further
    /// requests get 503
    #[arg(
        long,
        env = "MINITWIT_PASSWORD_QUEUE",
        value_name = "NUMBER",
        default_value_t = 256,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub password_queue: u16,

    /// Days after the last visit until a session expires (browsers limit it to 400)
    #[arg(
        long,
        env = "MINITWIT_SESSION_LIFETIME",
        value_name = "DAYS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=400)
    )]
    pub session_lifetime: u32,
}
