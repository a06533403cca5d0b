//! The reports of a check: a table for the terminal, and JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::result::{CheckReport, CheckResult, Checked};

/// The results as a text table: each check with what is expected and, if it failed, what was found.
pub fn check_table(report: &CheckReport) -> String {
    let mut text = String::new();
    let width = report.checks.iter().map(|it| it.id.len()).max().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "result   {:width$}  expected, actual", "check");
    for checked in &report.checks {
        let _ = write_check(checked, width, &mut text);
    }
    let Counts { passed, failed, skipped } = counts(report);
    let all = report.checks.len();
    let _ = writeln!(text, "{all} checks: {passed} passed, {failed} failed, {skipped} skipped");
    text
}

fn write_check(checked: &Checked, width: usize, text: &mut String) -> std::fmt::Result {
    let Checked { id, rule, result } = checked;
    writeln!(text, "{:<8} {id:width$}  {rule}", name(result))?;
    let indent = width + 11;
    match result {
        CheckResult::Passed => Ok(()),
        CheckResult::Skipped(reason) => writeln!(text, "{:indent$}{reason}", ""),
        CheckResult::Failed(mismatch) => {
            writeln!(text, "{:indent$}request:  {}", "", mismatch.request)?;
            writeln!(text, "{:indent$}expected: {}", "", mismatch.expected)?;
            writeln!(text, "{:indent$}actual:   {}", "", mismatch.actual)
        }
    }
}

/// All results, as one JSON object. `docs/how-to/simulate.md` lists its fields.
pub fn check_json(report: &CheckReport) -> Value {
    let Counts { passed, failed, skipped } = counts(report);
    json!({
        "report": "check",
        "base_url": report.base_url,
        "started_at": report.started_at.format(&Rfc3339).unwrap_or_default(),
        "duration_seconds": report.took.as_secs_f64(),
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn check(checked: &Checked) -> Value {
    let Checked { id, rule, result } = checked;
    let mut object = json!({"check": id, "rule": rule, "result": name(result).to_lowercase()});
    match result {
        CheckResult::Passed => {}
        CheckResult::Skipped(reason) => object["reason"] = json!(reason),
        CheckResult::Failed(mismatch) => {
            object["request"] = json!(mismatch.request);
            object["expected"] = json!(mismatch.expected);
            object["actual"] = json!(mismatch.actual);
        }
    }
    object
}

const fn name(result: &CheckResult) -> &'static str {
    match result {
        CheckResult::Passed => "passed",
        CheckResult::Failed(_) => "FAILED",
        CheckResult::Skipped(_) => "skipped",
    }
}

struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn counts(report: &CheckReport) -> Counts {
    Counts {
        passed: report.count(|it| matches!(it, CheckResult::Passed)),
        failed: report.count(|it| matches!(it, CheckResult::Failed(_))),
        skipped: report.count(|it| matches!(it, CheckResult::Skipped(_))),
    }
}
