//! The settings of the commands by which operators look after users and messages.

use clap::{Args, Subcommand};

use super::{DatabaseArgs, LogArgs, PasswordArgs};

/// The settings of `minitwit user`.
#[derive(Debug, Args)]
pub struct UserArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: UserCommand,

    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// How passwords are hashed.
    #[command(flatten)]
    pub passwords: PasswordArgs,

    /// How the log looks.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What `minitwit user` does.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List users by name, with their e-mail addresses
    List {
        /// How the names begin, whatever the case
        #[arg(default_value = "")]
        prefix: String,
        /// Begin after this name
        #[arg(long, value_name = "NAME")]
        after: Option<String>,
        /// How many at most
        #[arg(long, value_name = "NUMBER", default_value_t = 100,
            value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Show a user
    Show {
        /// The user's name
        name: String,
    },
    /// Keep a user out: every session and token ends at once
    Disable {
        /// The user's name
        name: String,
    },
    /// Let a user in again
    Enable {
        /// The user's name
        name: String,
    },
    /// Give a user a new password, which is printed: every session and token ends at once
    ResetPassword {
        /// The user's name
        name: String,
        /// Read the password from the first line of the standard input
        #[arg(long)]
        stdin: bool,
    },
}

/// The settings of `minitwit message`.
#[derive(Debug, Args)]
pub struct MessageArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: MessageCommand,

    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// How the log looks.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What `minitwit message` does.
#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Show a message, flagged or not
    Show {
        /// The message's number
        id: i64,
    },
    /// Hide a message from everybody but operators
    Flag {
        /// The message's number
        id: i64,
    },
    /// Show a flagged message to everybody again
    Unflag {
        /// The message's number
        id: i64,
    },
}
