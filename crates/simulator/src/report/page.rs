//! The HTML report: one self-contained page, rendered from `templates/report.html`.

use serde::Serialize;
use tera::{Context, Tera};

use super::{
    format::{QUANTILES, errors_by_name, latency, tallies},
    plots::{self, AXIS, GRID, PlotError, SERIES, hex},
};
use crate::{run::Run, scenario::CommandKind, verify::Verification};

/// The name ends in `.html`, so that Tera escapes all values.
const TEMPLATE: &str = "report.html";
/// Differences and unverifiable items that are listed.
const MAX_EXAMPLES: usize = 50;

/// Why the page cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The template does not fit the model.
    #[error("cannot render {TEMPLATE}")]
    Template(#[from] tera::Error),
}

#[derive(Serialize)]
struct Model<'a> {
    base_url: &'a str,
    /// Colours in the plots, and the CSS variables that replace them.
    colours: Vec<(String, String)>,
    started_at: String,
    progress: String,
    rate: String,
    errors: u64,
    errors_begin_at_rate: Option<String>,
    verified: Option<Verified>,
    columns: Vec<String>,
    commands: Vec<Vec<String>>,
    plots: [Plot; 3],
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Verified {
    passed: bool,
    differences: usize,
    unverifiable: usize,
}

#[derive(Serialize)]
struct Plot {
    title: &'static str,
    series: Vec<&'static str>,
    svg: String,
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
    let mut tera = Tera::new();
    tera.add_raw_templates([(TEMPLATE, include_str!("../../templates/report.html"))])?;
    Ok(tera.render(TEMPLATE, &Context::from_serialize(&model(run)?)?)?)
}

fn model(run: &Run) -> Result<Model<'_>, PlotError> {
    let series =
        SERIES.iter().zip(0..).map(|(colour, index)| (hex(*colour), format!("--s{index}")));
    let others = [(AXIS, "--muted"), (GRID, "--grid")];
    let others = others.map(|(colour, variable)| (hex(colour), variable.to_owned()));
    let (hour, minute, second) = run.started_at.time().as_hms();
    let verified = run.verification.as_ref().map(|it| Verified {
        passed: it.passed(),
        differences: it.differences.len(),
        unverifiable: it.unverifiable.len(),
    });
    let quantiles = QUANTILES.map(|(_, name)| format!("{name} (ms)"));
    Ok(Model {
        base_url: &run.base_url,
        colours: series.chain(others).collect(),
        started_at: format!("{} {hour:02}:{minute:02}:{second:02} UTC", run.started_at.date()),
        progress: run.progress(),
        rate: format!("{:.0}", run.rate()),
        errors: run.statistics.all().failed(),
        errors_begin_at_rate: run.errors_begin_at_rate().map(|rate| format!("{rate:.0}")),
        verified,
        columns: ["command", "count", "errors"]
            .map(str::to_owned)
            .into_iter()
            .chain(quantiles)
            .collect(),
        commands: commands(run),
        plots: [
            Plot {
                title: "Latency over time",
                series: vec!["p50", "p99", "max"],
                svg: plots::latency_over_time(run)?,
            },
            Plot {
                title: "Rate over time",
                series: vec!["sent", "errors"],
                svg: plots::rate_over_time(run)?,
            },
            Plot {
                title: "Latency by command",
                series: CommandKind::ALL.map(CommandKind::name).to_vec(),
                svg: plots::distribution(run)?,
            },
        ],
        sections: sections(run),
    })
}

fn commands(run: &Run) -> Vec<Vec<String>> {
    let row = |(name, tally): (&str, &crate::statistics::Tally)| {
        let counts = [name.to_owned(), tally.count.to_string(), tally.failed().to_string()];
        let latencies = QUANTILES.map(|(share, _)| latency(tally.quantile(share)));
        [&counts[..], &latencies].concat()
    };
    tallies(&run.statistics).map(row).collect()
}

fn sections(run: &Run) -> Vec<Section> {
    let statistics = &run.statistics;
    let errors = statistics.by_kind().flat_map(|(kind, tally)| {
        let named = errors_by_name(tally).into_iter();
        named
            .map(move |(error, count)| vec![format!("{}: {error}", kind.name()), count.to_string()])
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
    let mut sections = vec![section("Errors", errors), section("The first errors", first_errors)];
    sections.extend(run.verification.iter().flat_map(verification));
    sections.push(section("Settings", settings));
    sections.retain(|section| !section.rows.is_empty() || !section.text.is_empty());
    sections
}

fn verification(verification: &Verification) -> [Section; 4] {
    let Verification { users, messages, follows, uncertain, .. } = verification;
    let text = format!(
        "Read {users} users, {messages} messages and {follows} follows. \
         The effect of {uncertain} commands is uncertain."
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
