//! Runs, side by side.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    input::{Figures, RunReport},
    model::{Model, Plot, Row, Table, Unit, or_dash},
};
use crate::{report::terms, scenario::CommandKind};

type Runs = [(String, RunReport)];
/// The name of a latency, and where it is in the figures.
type Latency = (&'static str, fn(&Figures) -> Option<f64>);

const LATENCIES: [Latency; 4] = [
    ("p50", |it| it.p50_ms),
    ("p95", |it| it.p95_ms),
    ("p99", |it| it.p99_ms),
    ("max", |it| it.max_ms),
];
/// The name of all commands together in a report.
const ALL: &str = "all";
/// Settings that name the system or the program, and do not change the commands.
const OF_NO_EFFECT: [&str; 2] = ["version", "verify"];

pub(super) fn model(runs: &Runs) -> Model {
    let plot = |title, unit, of: fn(&super::input::Second) -> Option<f64>| Plot {
        title,
        unit,
        lines: runs.iter().map(|(_, run)| run.seconds.iter().map(of).collect()).collect(),
    };
    Model {
        of: "runs",
        systems: runs.iter().map(|(name, _)| name.clone()).collect(),
        warnings: warnings(runs),
        tables: vec![systems(runs), commands(runs), latencies(runs), errors(runs), verified(runs)],
        failures: Vec::new(),
        plots: vec![
            plot("p99 over time", Unit::Milliseconds, |it| it.p99_ms),
            plot("Commands sent in each second", Unit::Number, |it| Some(it.sent as f64)),
        ],
        terms: explained(runs),
    }
}

/// Explanations of the terms that apply to any of the runs.
fn explained(runs: &Runs) -> Vec<&'static str> {
    let any = |applies: fn(&RunReport) -> bool| runs.iter().any(|(_, run)| applies(run));
    let verified = any(|it| it.verification.is_some());
    [
        (any(|it| it.errors_begin_at_rate.is_some()), terms::ERRORS_BEGIN),
        (any(|it| it.registration_phase.is_some()), terms::REGISTRATION_PHASE_OF_SOME),
        (verified, terms::UNCERTAIN),
        (verified, terms::UNVERIFIABLE),
    ]
    .into_iter()
    .filter_map(|(applies, term)| applies.then_some(term))
    .collect()
}

fn row(runs: &Runs, label: impl Into<String>, cell: impl Fn(&RunReport) -> String) -> Row {
    Row::new(label, runs.iter().map(|(_, run)| cell(run)))
}

/// The settings that differ, and users that only some systems had before.
fn warnings(runs: &Runs) -> Vec<String> {
    let existing: Vec<u64> = runs.iter().map(|(_, run)| run.existing_users).collect();
    let differ = existing.windows(2).any(|pair| pair[0] != pair[1]);
    let existing: Vec<String> = existing.iter().map(u64::to_string).collect();
    let mut warnings = differing_settings(runs);
    warnings.extend(differ.then(|| {
        format!(
            "The runs differ in users who existed before: {}; a seed that no system has played is \
             comparable",
            existing.join(", ")
        )
    }));
    warnings
}

fn differing_settings(runs: &Runs) -> Vec<String> {
    let names: BTreeSet<&String> = runs.iter().flat_map(|(_, run)| run.settings.keys()).collect();
    let relevant = names.into_iter().filter(|name| !OF_NO_EFFECT.contains(&name.as_str()));
    let value = |run: &RunReport, name: &str| shown(run.settings.get(name));
    let differing = relevant.filter(|name| {
        let mut values = runs.iter().map(|(_, run)| value(run, name));
        let first = values.next();
        values.any(|it| Some(it) != first)
    });
    let describe = |name: &String| {
        let values: Vec<String> = runs.iter().map(|(_, run)| value(run, name)).collect();
        format!("The runs differ in {}: {}", name.replace('_', " "), values.join(", "))
    };
    differing.map(describe).collect()
}

fn shown(setting: Option<&Value>) -> String {
    match setting {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn systems(runs: &Runs) -> Table {
    let rows = vec![
        row(runs, "base URL", |it| it.base_url.clone()),
        row(runs, "started at", |it| it.started_at.clone()),
        row(runs, "passed", |it| if it.passed { "yes" } else { "NO" }.to_owned()),
    ];
    Table { title: "Systems", rows }
}

fn commands(runs: &Runs) -> Table {
    let all = |run: &RunReport| run.commands.get(ALL).map_or(0, |it| it.count);
    let registrations =
        |run: &RunReport| or_dash(run.registration_phase.as_ref(), |phase| phase.count.to_string());
    let registration = |run: &RunReport| {
        let p99 = run.registration_phase.as_ref().and_then(|phase| phase.p99_ms);
        or_dash(p99, |it| format!("{it:.2}"))
    };
    let begin = |it: &RunReport| or_dash(it.errors_begin_at_rate, |rate| format!("{rate:.0}"));
    let rows = vec![
        row(runs, "commands", |it| all(it).to_string()),
        row(runs, "seconds", |it| format!("{:.1}", it.duration_seconds)),
        row(runs, "commands per second", |it| format!("{:.0}", it.rate_per_second)),
        row(runs, "errors", |it| it.errors.to_string()),
        row(runs, "errors begin at this rate", begin),
        row(runs, "registrations before the clock", registrations),
        row(runs, "their p99 (ms)", registration),
        row(runs, "users who existed before the run", |it| it.existing_users.to_string()),
    ];
    Table { title: "Commands", rows }
}

fn latencies(runs: &Runs) -> Table {
    let kinds = [ALL].into_iter().chain(CommandKind::ALL.map(CommandKind::name));
    let rows = kinds.flat_map(|kind| {
        LATENCIES.map(|(name, latency)| {
            row(runs, format!("{kind} {name}"), |run| {
                or_dash(run.commands.get(kind).and_then(latency), |it| format!("{it:.2}"))
            })
        })
    });
    Table { title: "Latency in milliseconds", rows: rows.collect() }
}

/// The errors by name; no rows if there are none.
fn errors(runs: &Runs) -> Table {
    let phase = "registration before the clock";
    let figures = |run: &RunReport, kind: &str| -> Vec<(String, u64)> {
        let figures =
            if kind == phase { run.registration_phase.as_ref() } else { run.commands.get(kind) };
        let errors = figures.into_iter().flat_map(|it| it.errors.clone());
        errors.collect()
    };
    let kinds: Vec<&str> =
        [phase].into_iter().chain(CommandKind::ALL.map(CommandKind::name)).collect();
    let mut rows = Vec::new();
    for kind in kinds {
        let names: BTreeSet<String> =
            runs.iter().flat_map(|(_, run)| figures(run, kind)).map(|(name, _)| name).collect();
        for name in names {
            let count = |run: &RunReport| {
                let count = figures(run, kind).into_iter().find(|(it, _)| *it == name);
                count.map_or(0, |(_, count)| count).to_string()
            };
            rows.push(row(runs, format!("{kind}: {name}"), count));
        }
    }
    Table { title: "Errors", rows }
}

/// The verification; no rows if no run was verified.
fn verified(runs: &Runs) -> Table {
    let mut rows = Vec::new();
    if runs.iter().any(|(_, run)| run.verification.is_some()) {
        let number = |label: &str, of: fn(&super::input::Verification) -> u64| {
            row(runs, label, |run| or_dash(run.verification.as_ref().map(of), |it| it.to_string()))
        };
        rows = vec![
            number("users", |it| it.users),
            number("messages", |it| it.messages),
            number("follows", |it| it.follows),
            number("uncertain commands", |it| it.uncertain_commands),
            number("differences", |it| it.differences_by_kind.values().sum()),
            number("unverifiable", |it| it.unverifiable.len() as u64),
        ];
        let all = runs.iter().filter_map(|(_, run)| run.verification.as_ref());
        let kinds: BTreeSet<&String> = all.flat_map(|it| it.differences_by_kind.keys()).collect();
        for kind in kinds {
            let count = |run: &RunReport| {
                let verification = run.verification.as_ref();
                let count = |it: &super::input::Verification| {
                    it.differences_by_kind.get(kind).copied().unwrap_or_default().to_string()
                };
                or_dash(verification, count)
            };
            rows.push(row(runs, format!("difference: {kind}"), count));
        }
    }
    Table { title: "Verification", rows }
}
