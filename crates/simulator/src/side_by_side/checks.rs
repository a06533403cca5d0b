//! Checks of the contract, side by side.

use super::{
    input::{CheckReport, Checked},
    model::{Failure, Model, Row, Table, or_dash},
};

type Checks = [(String, CheckReport)];

pub(super) fn model(checks: &Checks) -> Model {
    let row = |label: &str, cell: fn(&CheckReport) -> String| {
        Row::new(label, checks.iter().map(|(_, report)| cell(report)))
    };
    let systems = vec![
        row("base URL", |it| it.base_url.clone()),
        row("started at", |it| it.started_at.clone()),
        row("passed", |it| it.passed.to_string()),
        row("failed", |it| it.failed.to_string()),
        row("skipped", |it| it.skipped.to_string()),
    ];
    Model {
        of: "checks",
        systems: checks.iter().map(|(name, _)| name.clone()).collect(),
        warnings: Vec::new(),
        tables: vec![
            Table { title: "Systems", rows: systems },
            Table { title: "Checks", rows: results(checks) },
        ],
        failures: checks.iter().flat_map(failures).collect(),
        plots: Vec::new(),
        terms: Vec::new(),
    }
}

fn find<'a>(report: &'a CheckReport, name: &str) -> Option<&'a Checked> {
    report.checks.iter().find(|it| it.check == name)
}

/// A row for each check of any report: those with a failure first, otherwise in their order.
fn results(checks: &Checks) -> Vec<Row> {
    let mut known: Vec<&Checked> = Vec::new();
    for checked in checks.iter().flat_map(|(_, report)| &report.checks) {
        if known.iter().all(|it| it.check != checked.check) {
            known.push(checked);
        }
    }
    let failed = |name: &str| {
        let found = checks.iter().filter_map(|(_, report)| find(report, name));
        found.into_iter().any(|it| it.result == "failed")
    };
    known.sort_by_key(|it| !failed(&it.check));
    let row = |checked: &&Checked| {
        let result = |report| or_dash(find(report, &checked.check), shown);
        let label = format!("{}: {}", checked.check, checked.rule);
        Row::new(label, checks.iter().map(|(_, report)| result(report)))
    };
    known.iter().map(row).collect()
}

fn shown(checked: &Checked) -> String {
    if checked.result == "failed" { "FAILED".to_owned() } else { checked.result.clone() }
}

fn failures((system, report): &(String, CheckReport)) -> Vec<Failure> {
    let failed = report.checks.iter().filter(|it| it.result == "failed");
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    failed
        .map(|it| Failure {
            system: system.clone(),
            check: it.check.clone(),
            request: text(&it.request),
            expected: text(&it.expected),
            actual: text(&it.actual),
        })
        .collect()
}
