//! The JSON reports that are read.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value};

/// Why reports cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is no report.
    #[error("{} is no JSON report of minitwit simulate", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// Some files are reports of runs, and some of checks.
    #[error("compare either runs or checks: {} is a run, and {} is a check", run.display(), check.display())]
    Mixed {
        /// A report of a run.
        run: PathBuf,
        /// A report of a check.
        check: PathBuf,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "report", rename_all = "lowercase")]
enum Report {
    Run(Box<RunReport>),
    Check(CheckReport),
}

/// The report of a run, as far as it is compared.
#[derive(Debug, Deserialize)]
pub(super) struct RunReport {
    pub(super) base_url: String,
    pub(super) started_at: String,
    pub(super) duration_seconds: f64,
    pub(super) settings: Map<String, Value>,
    pub(super) registration_phase: Option<Figures>,
    pub(super) existing_users: u64,
    pub(super) commands: BTreeMap<String, Figures>,
    pub(super) errors: u64,
    pub(super) rate_per_second: f64,
    pub(super) seconds: Vec<Second>,
    pub(super) errors_begin_at_rate: Option<f64>,
    pub(super) verification: Option<Verification>,
    pub(super) passed: bool,
}

/// Counts and latencies of commands.
#[derive(Debug, Deserialize)]
pub(super) struct Figures {
    pub(super) count: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
}

/// One second of a run.
#[derive(Debug, Deserialize)]
pub(super) struct Second {
    pub(super) sent: u64,
    pub(super) p99_ms: Option<f64>,
}

/// The verification of a run.
#[derive(Debug, Deserialize)]
pub(super) struct Verification {
    pub(super) users: u64,
    pub(super) messages: u64,
    pub(super) follows: u64,
    pub(super) uncertain_commands: u64,
    pub(super) differences_by_kind: BTreeMap<String, u64>,
    pub(super) unverifiable: Vec<String>,
}

/// The report of a check.
#[derive(Debug, Deserialize)]
pub(super) struct CheckReport {
    pub(super) base_url: String,
    pub(super) started_at: String,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) checks: Vec<Checked>,
}

/// One check.
#[derive(Debug, Deserialize)]
pub(super) struct Checked {
    pub(super) check: String,
    pub(super) rule: String,
    pub(super) result: String,
    pub(super) request: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) actual: Option<String>,
}

/// Reports of runs, or of checks, each with the name of its system.
pub(super) enum Reports {
    Runs(Vec<(String, RunReport)>),
    Checks(Vec<(String, CheckReport)>),
}

/// Reads all files.
pub(super) fn read(files: &[PathBuf]) -> Result<Reports, InputError> {
    let (mut runs, mut checks) = (Vec::new(), Vec::new());
    for (path, name) in files.iter().zip(names(files)) {
        match read_one(path)? {
            Report::Run(run) => runs.push((name, *run, path)),
            Report::Check(check) => checks.push((name, check, path)),
        }
    }
    if let (Some((_, _, run)), Some((_, _, check))) = (runs.first(), checks.first()) {
        return Err(InputError::Mixed { run: (*run).clone(), check: (*check).clone() });
    }
    Ok(if runs.is_empty() {
        Reports::Checks(checks.into_iter().map(|(name, check, _)| (name, check)).collect())
    } else {
        Reports::Runs(runs.into_iter().map(|(name, run, _)| (name, run)).collect())
    })
}

fn read_one(path: &Path) -> Result<Report, InputError> {
    let unreadable = |source| InputError::Unreadable { path: path.to_owned(), source };
    let text = fs::read(path).map_err(unreadable)?;
    let malformed = |source| InputError::Malformed { path: path.to_owned(), source };
    serde_json::from_slice(&text).map_err(malformed)
}

/// The names of the systems: those of the files without their ending, or whole paths if two are equal.
fn names(files: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = files.iter().map(stem).collect();
    let is_repeated = |(index, name): (usize, &String)| names[..index].contains(name);
    if names.iter().enumerate().any(is_repeated) {
        return files.iter().map(|path| path.display().to_string()).collect();
    }
    names
}
