//! Number formats and lists that all reports share.

use std::{collections::BTreeMap, time::Duration};

use crate::statistics::{Statistics, Tally};

/// The quantiles in the reports, with their names.
pub(crate) const QUANTILES: [(f64, &str); 5] =
    [(0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")];

/// Milliseconds, to the microsecond; the same number in every report.
pub(crate) fn millis(latency: Duration) -> f64 {
    latency.as_micros() as f64 / 1_000.0
}

/// Milliseconds as text, with a dash for a missing value.
pub(crate) fn latency(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "–".to_owned(), |latency| format!("{:.2}", millis(latency)))
}

/// The counts of each kind, then of all commands, with their names.
pub(crate) fn tallies(statistics: &Statistics) -> impl Iterator<Item = (&'static str, &Tally)> {
    let by_kind = statistics.by_kind().map(|(kind, tally)| (kind.name(), tally));
    by_kind.chain([("all", statistics.all())])
}

/// The number of each error, by the simulator's name.
pub(crate) fn errors_by_name(tally: &Tally) -> BTreeMap<String, u64> {
    let mut named = BTreeMap::new();
    for (error, count) in &tally.errors {
        *named.entry(error.to_string()).or_default() += count;
    }
    named
}
