//! Command-line options: the rows to measure and the duration.

use std::path::{Path, PathBuf};

use clap::Parser;

/// Compares MiniTwit with pgbench and nginx on this machine
#[derive(Debug, Parser)]
pub struct Options {
    /// Measure only rows whose name begins with one of these (tweets, follows, messages, one, scenario, public, home,
    /// growth, registrations, isolation, imports)
    pub rows: Vec<String>,

    /// Number of rounds; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Duration of each load, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    /// One round of three seconds: a smoke test of the benchmark
    #[arg(long)]
    pub quick: bool,

    /// Reuse the database of the last run, with the rows that it added
    #[arg(long)]
    pub keep: bool,

    /// Passed by cargo; ignored.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Returns true if rows of this name are selected.
    pub fn selects(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }

    /// Returns true for a whole run, whose table is published: all rows, several rounds, a fresh database.
    pub fn is_complete(&self) -> bool {
        self.rows.is_empty() && !self.quick && !self.keep && self.rounds >= 3
    }

    pub fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// Duration of each load, in seconds.
    pub fn seconds(&self) -> u64 {
        if self.quick { 3 } else { self.seconds }
    }
}

/// Root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Directory of the benchmark's files.
pub fn directory() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| repository().join("target"), PathBuf::from).join("bench")
}
