//! The report for the terminal.

use std::fmt::Write;

use super::{
    format::{QUANTILES, errors_by_name, latency, tallies},
    terms,
};
use crate::{
    run::Run,
    statistics::{RegistrationPhase, Tally},
    verify::Verification,
};

/// Errors, differences and unverifiable items that are shown in full.
const MAX_EXAMPLES: usize = 10;

/// The figures of a run as a text table.
pub fn table(run: &Run) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_table(run, &mut text);
    text
}

/// The comparison of a system with a record, as text.
pub fn verification_table(verification: &Verification) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_verification(verification, &mut text);
    text
}

fn write_table(run: &Run, text: &mut String) -> std::fmt::Result {
    write!(text, "{:<10}{:>9}{:>8}", "command", "count", "errors")?;
    for (_, name) in QUANTILES {
        write!(text, "{name:>10}")?;
    }
    writeln!(text, "  (ms)")?;
    let statistics = &run.statistics;
    let phase = statistics.registration_phase();
    for (name, tally) in tallies(statistics) {
        write_row(name, tally, text)?;
    }
    writeln!(text, "{}: {:.0}/s", run.progress(), run.rate())?;
    if let Some((name, seed)) = run.settings.iter().find(|(name, _)| *name == "seed") {
        writeln!(text, "{name} {seed}")?;
    }
    phase.map_or(Ok(()), |phase| write_phase(phase, text))?;
    if statistics.existing_users() > 0 {
        let existing = statistics.existing_users();
        writeln!(text, "{existing} users existed before the run; no error")?;
    }
    let before = phase.map(|phase| ("registration before the clock", &phase.tally));
    let by_kind = statistics.by_kind().map(|(kind, tally)| (kind.name(), tally));
    for (name, tally) in before.into_iter().chain(by_kind) {
        for (error, count) in errors_by_name(tally) {
            writeln!(text, "{name}: {count} × {error}")?;
        }
    }
    for sample in statistics.first_errors().iter().take(MAX_EXAMPLES) {
        let (number, kind) = (sample.number, sample.kind.name());
        writeln!(text, "  command {number} ({kind}): {}: {}", sample.error, sample.detail)?;
    }
    if let Some(rate) = run.errors_begin_at_rate() {
        writeln!(text, "errors begin at {rate:.0} commands a second")?;
        writeln!(text, "  {}", terms::ERRORS_BEGIN)?;
    }
    run.verification.as_ref().map_or(Ok(()), |it| write_verification(it, text))
}

fn write_row(name: &str, tally: &Tally, text: &mut String) -> std::fmt::Result {
    write!(text, "{name:<10}{:>9}{:>8}", tally.count, tally.failed())?;
    for (share, _) in QUANTILES {
        write!(text, "{:>10}", latency(tally.quantile(share)))?;
    }
    writeln!(text)
}

fn write_phase(phase: &RegistrationPhase, text: &mut String) -> std::fmt::Result {
    let (count, seconds) = (phase.tally.count, phase.took.as_secs_f64());
    writeln!(text, "before the clock started, {count} registrations in {seconds:.1} s:")?;
    write_row("register", &phase.tally, text)
}

fn write_verification(verification: &Verification, text: &mut String) -> std::fmt::Result {
    let Verification { users, messages, follows, uncertain, .. } = verification;
    write!(text, "verified: {users} users, {messages} messages, {follows} follows")?;
    if let Some(latest) = verification.latest {
        write!(text, ", latest {latest}")?;
    }
    writeln!(text, ", {uncertain} commands uncertain")?;
    let (differences, unverifiable) = (&verification.differences, &verification.unverifiable);
    writeln!(text, "{} differences, {} unverifiable", differences.len(), unverifiable.len())?;
    writeln!(text, "  {}\n  {}", terms::UNCERTAIN, terms::UNVERIFIABLE)?;
    for (kind, count) in verification.by_kind() {
        writeln!(text, "{}: {count}", kind.name())?;
    }
    for difference in differences.iter().take(MAX_EXAMPLES) {
        write!(text, "  {}", difference.kind.name())?;
        if let Some(number) = difference.number {
            write!(text, ", command {number}")?;
        }
        if let Some(user) = &difference.user {
            write!(text, ", {user}")?;
        }
        writeln!(text, ": {}", difference.detail)?;
    }
    for item in unverifiable.iter().take(MAX_EXAMPLES) {
        writeln!(text, "  unverifiable: {item}")?;
    }
    Ok(())
}
