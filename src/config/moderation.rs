//! Settings of the moderation commands.

use clap::{Args, Subcommand};

use super::{DatabaseArgs, LogArgs, PasswordArgs};

/// The settings of `minitwit user`.
#[derive(Debug, Args)]
pub struct UserArgs {
    /// The action.
    #[command(subcommand)]
    pub command: UserCommand,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Password hashing.
    #[command(flatten)]
    pub passwords: PasswordArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// An action of `minitwit user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List users by name, with their e-mail addresses
    List {
        /// Beginning of the names; case is ignored
        #[arg(default_value = "")]
        prefix: String,
        /// Start after this name
        #[arg(long, value_name = "NAME")]
        after: Option<String>,
        /// Maximum number of users
        #[arg(long, value_name = "NUMBER", default_value_t = 100,
            value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Show a user
    Show {
        /// The user's name
        name: String,
    },
    /// Prevent sign-in, and end every session and token
    Disable {
        /// The user's name
        name: String,
    },
    /// Allow sign-in again
    Enable {
        /// The user's name
        name: String,
    },
    /// Set and print a random password, and end every session and token
    ResetPassword {
        /// The user's name
        name: String,
        /// Read the password from the first line of standard input and do not print it
        #[arg(long)]
        stdin: bool,
    },
}

/// The settings of `minitwit message`.
#[derive(Debug, Args)]
pub struct MessageArgs {
    /// The action.
    #[command(subcommand)]
    pub command: MessageCommand,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// An action of `minitwit message`.
#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Show a message, flagged or not
    Show {
        /// The message's id
        id: i64,
    },
    /// Hide a message from all users, including its author
    Flag {
        /// The message's id
        id: i64,
    },
    /// Show a flagged message again
    Unflag {
        /// The message's id
        id: i64,
    },
}
