//! Bounds of costly reads: searches, timelines, lists of users.

use std::time::Duration;

use clap::Args;

use super::values::seconds;

/// Bounds of costly reads.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Bounds of searches.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Bounds of timelines and feeds.
    #[command(flatten)]
    pub timelines: TimelineArgs,
    /// Bounds of lists of users and tokens.
    #[command(flatten)]
    pub lists: ListArgs,
}

/// Defines the settings of one class of reads. clap needs a type for each class, because the class is part of the
/// names of its settings.
macro_rules! class_args {
    (
        $type:ident, flags $flag:literal, variables $variable:literal, one $read:literal, many $reads:literal,
        connections for $connections_for:literal, queue $queue:literal
    ) => {
        #[doc = concat!("Bounds of ", $connections_for, ".")]
        #[derive(Debug, Args)]
        #[command(next_help_heading = "Costly reads")]
        pub struct $type {
            #[doc = concat!("Database connections for ", $connections_for, ".")]
            #[arg(
                id = concat!($flag, "_connections"),
                long = concat!($flag, "-connections"),
                env = concat!("MINITWIT_", $variable, "_CONNECTIONS"),
                help = concat!("Database connections for ", $connections_for, " [default: an eighth of all]"),
                value_name = "NUMBER",
                value_parser = clap::value_parser!(u16).range(1..)
            )]
            pub connections: Option<u16>,

            #[doc = concat!("Number of ", $reads, " that may wait for a connection.")]
            #[arg(
                id = concat!($flag, "_queue"),
                long = concat!($flag, "-queue"),
                env = concat!("MINITWIT_", $variable, "_QUEUE"),
                help = concat!("Number of ", $reads, " that may wait for a connection; further ones get 503"),
                value_name = "NUMBER",
                default_value_t = $queue,
                value_parser = clap::value_parser!(u16).range(0..)
            )]
            pub queue: u16,

            #[doc = concat!("Time-out of ", $read, ".")]
            #[arg(
                id = concat!($flag, "_timeout"),
                long = concat!($flag, "-timeout"),
                env = concat!("MINITWIT_", $variable, "_TIMEOUT"),
                help = concat!("Time-out of ", $read, ", in seconds"),
                value_name = "SECONDS",
                default_value = "2",
                value_parser = seconds
            )]
            pub timeout: Duration,
        }
    };
}

class_args! {
    SearchArgs, flags "search", variables "SEARCH", one "a search", many "searches",
    connections for "searches", queue 16
}
class_args! {
    TimelineArgs, flags "timeline", variables "TIMELINE", one "a timeline", many "timelines",
    connections for "timelines and feeds", queue 128
}
class_args! {
    ListArgs, flags "list", variables "LIST", one "a list", many "lists",
    connections for "lists of users and tokens", queue 128
}
