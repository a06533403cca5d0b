//! What a run came to, for the terminal.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use super::{Run, Tally, Verification};

/// How many errors, and how many differences, are shown in full.
const FIRST: usize = 10;

/// The shares of latencies that are shown, and their names.
pub(super) const QUANTILES: [(f64, &str); 5] =
    [(0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")];

/// Milliseconds, to the microsecond. Every report rounds the same number.
pub(super) fn millis(latency: Duration) -> f64 {
    latency.as_micros() as f64 / 1_000.0
}

/// Milliseconds, for people.
pub(super) fn written(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "–".to_owned(), |latency| format!("{:.2}", millis(latency)))
}

/// The number of each error, by the simulator's name of it.
pub(super) fn errors_by_name(tally: &Tally) -> BTreeMap<String, u64> {
    let mut named = BTreeMap::new();
    for (error, count) in &tally.errors {
        *named.entry(error.to_string()).or_default() += count;
    }
    named
}

pub(super) fn table(run: &Run) -> String {
    let mut text = String::new();
    let _ = write_table(run, &mut text);
    text
}

fn write_table(run: &Run, text: &mut String) -> std::fmt::Result {
    write!(text, "{:<10}{:>9}{:>8}", "command", "count", "errors")?;
    for (_, name) in QUANTILES {
        write!(text, "{name:>10}")?;
    }
    writeln!(text, "  (ms)")?;
    let statistics = &run.statistics;
    let by_kind = statistics.by_kind().map(|(kind, tally)| (kind.name(), tally));
    for (name, tally) in by_kind.chain([("all", statistics.all())]) {
        write!(text, "{name:<10}{:>9}{:>8}", tally.count, tally.failed())?;
        for (share, _) in QUANTILES {
            write!(text, "{:>10}", written(tally.quantile(share)))?;
        }
        writeln!(text)?;
    }
    let (seconds, count) = (run.took.as_secs_f64(), statistics.all().count);
    writeln!(text, "{count} of {} commands in {seconds:.1} s: {:.0}/s", run.commands, run.rate())?;
    for (kind, tally) in statistics.by_kind() {
        for (error, count) in errors_by_name(tally) {
            writeln!(text, "{}: {count} × {error}", kind.name())?;
        }
    }
    for sample in statistics.first_errors().iter().take(FIRST) {
        let (number, kind) = (sample.number, sample.kind.name());
        writeln!(text, "  command {number} ({kind}): {}: {}", sample.error, sample.detail)?;
    }
    if let Some(rate) = run.errors_begin_at_rate() {
        writeln!(text, "errors begin at {rate:.0} commands a second")?;
    }
    run.verification.as_ref().map_or(Ok(()), |found| write_verification(found, text))
}

fn write_verification(found: &Verification, text: &mut String) -> std::fmt::Result {
    let Verification { users, messages, follows, uncertain, .. } = found;
    write!(text, "verified: {users} users, {messages} messages, {follows} follows")?;
    match found.latest {
        Some(latest) => write!(text, ", latest {latest}")?,
        None => write!(text, ", latest unread")?,
    }
    writeln!(text, ", {uncertain} commands uncertain")?;
    let (differences, unverifiable) = (found.differences.len(), found.unverifiable.len());
    writeln!(text, "{differences} differences, {unverifiable} unverifiable")?;
    for (fault, count) in found.by_fault() {
        writeln!(text, "{}: {count}", fault.name())?;
    }
    for difference in found.differences.iter().take(FIRST) {
        write!(text, "  {}", difference.fault.name())?;
        if let Some(number) = difference.number {
            write!(text, ", command {number}")?;
        }
        if let Some(user) = &difference.user {
            write!(text, ", {user}")?;
        }
        writeln!(text, ": {}", difference.detail)?;
    }
    for unverifiable in found.unverifiable.iter().take(FIRST) {
        writeln!(text, "  unverifiable: {unverifiable}")?;
    }
    Ok(())
}
