//! What is measured, and for how long.

use std::path::{Path, PathBuf};

use clap::Parser;

/// Measures MiniTwit against the limits of this machine.
#[derive(Debug, Parser)]
pub struct Options {
    /// Measure only the rows whose name begins with one of these (tweets, follows, messages, public, home,
    /// growth, registrations)
    pub rows: Vec<String>,

    /// Rounds, of which the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seconds that each load of a round lasts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    /// One round of three seconds: says whether the benchmark works, and little more
    #[arg(long)]
    pub quick: bool,

    /// Use the database that the last run left, with what that run has added
    #[arg(long)]
    pub keep: bool,

    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Whether the rows of this name are measured.
    pub fn selects(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }

    /// Whether this is the whole benchmark, whose table is published: of every row, with a median, on a
    /// database that is as large as it says.
    pub fn is_complete(&self) -> bool {
        self.rows.is_empty() && !self.quick && !self.keep && self.rounds >= 3
    }

    pub fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// How many seconds each load of a round lasts.
    pub fn seconds(&self) -> u64 {
        if self.quick { 3 } else { self.seconds }
    }
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the benchmark keeps its files.
pub fn directory() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| repository().join("target"), PathBuf::from).join("bench")
}
