//! The HTML report: one self-contained page, rendered from `templates/report.html`.

use serde::Serialize;

use super::{
    format::{QUANTILES, errors_by_name, latency, tallies},
    html::{self, Colour, PageError, PlotModel},
    plots::{self, PlotError},
    terms,
};
use crate::{
    run::Run,
    scenario::CommandKind,
    statistics::{Statistics, Tally},
    verify::Verification,
};

const TEMPLATE: &str = "report.html";
/// Differences and unverifiable items that are listed.
const MAX_EXAMPLES: usize = 50;

#[derive(Serialize)]
struct Model<'a> {
    base_url: &'a str,
    /// Colours in the plots, and the CSS variables that replace them.
    colours: Vec<Colour>,
    started_at: String,
    progress: String,
    rate: String,
    errors: u64,
    errors_begin_at_rate: Option<String>,
    errors_begin_term: &'static str,
    verified: Option<Verified>,
    columns: Vec<String>,
    commands: Vec<Vec<String>>,
    plots: [PlotModel<'static>; 3],
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Verified {
    passed: bool,
    differences: usize,
    unverifiable: usize,
}

/// A heading with a table, omitted if it is empty.
#[derive(Serialize)]
struct Section {
    title: &'static str,
    text: String,
    rows: Vec<Vec<String>>,
}

/// The figures of a run as an HTML page with plots.
pub fn page(run: &Run) -> Result<String, PageError> {
    html::render(TEMPLATE, &model(run)?)
}

fn model(run: &Run) -> Result<Model<'_>, PlotError> {
    let (hour, minute, second) = run.started_at.time().as_hms();
    let verified = run.verification.as_ref().map(|it| Verified {
        passed: it.passed(),
        differences: it.differences.len(),
        unverifiable: it.unverifiable.len(),
    });
    let quantiles = QUANTILES.map(|(_, name)| format!("{name} (ms)"));
    Ok(Model {
        base_url: &run.base_url,
        colours: html::colours(),
        started_at: format!("{} {hour:02}:{minute:02}:{second:02} UTC", run.started_at.date()),
        progress: run.progress(),
        rate: format!("{:.0}", run.rate()),
        errors: run.statistics.failed(),
        errors_begin_at_rate: run.errors_begin_at_rate().map(|rate| format!("{rate:.0}")),
        errors_begin_term: terms::ERRORS_BEGIN,
        verified,
        columns: ["command", "count", "errors"]
            .map(str::to_owned)
            .into_iter()
            .chain(quantiles)
            .collect(),
        commands: commands(run),
        plots: plots(run)?,
        sections: sections(run),
    })
}

fn plots(run: &Run) -> Result<[PlotModel<'static>; 3], PlotError> {
    Ok([
        PlotModel {
            title: "Latency over time",
            series: vec!["p50", "p99", "max"],
            svg: plots::latency_over_time(run)?,
        },
        PlotModel {
            title: "Rate over time",
            series: vec!["sent", "errors"],
            svg: plots::rate_over_time(run)?,
        },
        PlotModel {
            title: "Latency by command",
            series: CommandKind::ALL.map(CommandKind::name).to_vec(),
            svg: plots::distribution(run)?,
        },
    ])
}

fn commands(run: &Run) -> Vec<Vec<String>> {
    let row = |(name, tally): (&str, &Tally)| {
        let counts = [name.to_owned(), tally.count.to_string(), tally.failed().to_string()];
        let latencies = QUANTILES.map(|(share, _)| latency(tally.quantile(share)));
        [&counts[..], &latencies].concat()
    };
    let phase = run.statistics.registration_phase();
    let before = phase.map(|phase| ("register, before the clock", &phase.tally));
    tallies(&run.statistics).chain(before).map(row).collect()
}

fn sections(run: &Run) -> Vec<Section> {
    let statistics = &run.statistics;
    let before = statistics.registration_phase();
    let before = before.map(|phase| ("register, before the clock", &phase.tally));
    let by_kind = statistics.by_kind().map(|(kind, tally)| (kind.name(), tally));
    let errors = before.into_iter().chain(by_kind).flat_map(|(name, tally)| {
        let errors = errors_by_name(tally).into_iter();
        errors.map(move |(error, count)| vec![format!("{name}: {error}"), count.to_string()])
    });
    let first_errors = statistics.first_errors().iter().map(|it| {
        let command = format!("{} ({})", it.number, it.kind.name());
        vec![command, it.error.to_string(), it.detail.clone()]
    });
    let settings = run.settings.iter().filter(|(_, value)| !value.is_null());
    let settings = settings.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        vec![name.replace('_', " "), value]
    });
    let mut sections = vec![
        registration(statistics),
        section("Errors", errors),
        section("The first errors", first_errors),
    ];
    sections.extend(run.verification.iter().flat_map(verification));
    sections.push(section("Settings", settings));
    sections.retain(|section| !section.rows.is_empty() || !section.text.is_empty());
    sections
}

/// The registration phase, and the users who existed.
fn registration(statistics: &Statistics) -> Section {
    let mut rows = Vec::new();
    if let Some(phase) = statistics.registration_phase() {
        let took = format!("{:.1} s", phase.took.as_secs_f64());
        rows.push(vec!["duration of the registration phase".to_owned(), took]);
    }
    if statistics.existing_users() > 0 {
        let existing = statistics.existing_users().to_string();
        rows.push(vec!["users who existed before the run (no error)".to_owned(), existing]);
    }
    let text = statistics.registration_phase().map_or("", |_| terms::REGISTRATION_PHASE);
    Section { title: "Registration", text: text.to_owned(), rows }
}

fn verification(verification: &Verification) -> [Section; 4] {
    let Verification { users, messages, follows, uncertain, .. } = verification;
    let text = format!(
        "Read {users} users, {messages} messages and {follows} follows. \
         The effect of {uncertain} commands is uncertain. {} {}",
        terms::UNCERTAIN,
        terms::UNVERIFIABLE,
    );
    let counts = verification.by_kind().into_iter();
    let counts = counts.map(|(kind, count)| vec![kind.name().to_owned(), count.to_string()]);
    let first = verification.differences.iter().take(MAX_EXAMPLES).map(|it| {
        let number = it.number.map(|number| number.to_string()).unwrap_or_default();
        let user = it.user.clone().unwrap_or_default();
        vec![it.kind.name().to_owned(), number, user, it.detail.clone()]
    });
    let unverifiable = verification.unverifiable.iter().take(MAX_EXAMPLES);
    [
        Section { title: "Verification", text, rows: Vec::new() },
        section("Differences", counts),
        section("The first differences", first),
        section("Unverifiable", unverifiable.map(|it| vec![it.clone()])),
    ]
}

fn section(title: &'static str, rows: impl Iterator<Item = Vec<String>>) -> Section {
    Section { title, text: String::new(), rows: rows.collect() }
}
