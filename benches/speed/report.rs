//! The result: a table on the terminal and in `docs/PERFORMANCE.md`, all figures as JSON.

use std::fs;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{
    Failure,
    comparison::{Measured, Row},
    environment::Environment,
    machine,
    options::{self, Options},
};

/// Marks around the table in the document.
const BEGIN: &str = "<!-- make bench: begin -->";
const END: &str = "<!-- make bench: end -->";
/// Goal for the server's peak memory, in MiB.
const MEMORY_GOAL: f64 = 100.0;
/// Share of processor time above which other processes are reported as a disturbance.
const DISTURBANCE: f64 = 0.1;

pub struct Report {
    facts: Vec<(&'static str, String)>,
    measured: Vec<Measured>,
    /// Peak memory of the server, in MiB.
    memory: f64,
}

impl Report {
    pub fn begin(options: &Options, environment: &Environment) -> Result<Self, Failure> {
        let mut facts = machine::facts(environment, options.quick)?;
        facts.push(("rows at the beginning", machine::rows(environment)?));
        let rounds = format!("{} of {} s each", options.rounds(), options.seconds());
        facts.push(("rounds", rounds));
        facts.push(("date", OffsetDateTime::now_utc().date().to_string()));
        Ok(Self { facts, measured: Vec::new(), memory: f64::NAN })
    }

    pub fn add(&mut self, measured: Measured) {
        if let Some(failure) = &measured.failure {
            eprintln!("{}: {failure}", measured.name);
        }
        self.measured.push(measured);
    }

    /// Adds the facts that are known only at the end.
    pub fn finish(&mut self, environment: &Environment) -> Result<(), Failure> {
        self.facts.push(("rows at the end", machine::rows(environment)?));
        self.memory = environment.large.server.peak_memory()?;
        Ok(())
    }

    /// Returns true if no row failed.
    pub fn is_valid(&self) -> bool {
        self.measured.iter().all(|measured| measured.failure.is_none())
    }

    /// Prints the table and stores all figures; a whole run also updates the document.
    pub fn write(&self, options: &Options) -> Result<(), Failure> {
        let (table, json) = (self.table(), format!("{:#}\n", self.json()));
        println!("\n{table}");
        fs::write(options::directory().join("results.json"), &json)?;
        if options.is_complete() && self.is_valid() {
            let docs = options::repository().join("docs");
            fs::write(docs.join("performance.json"), json)?;
            let document = docs.join("PERFORMANCE.md");
            let text = fs::read_to_string(&document)?;
            fs::write(document, between_marks(&text, &format!("{}\n{table}", self.machine()))?)?;
        }
        Ok(())
    }

    fn machine(&self) -> String {
        let rows = self.facts.iter().map(|(name, fact)| format!("| {name} | {fact} |\n"));
        format!("| measured on | |\n| --- | --- |\n{}", rows.collect::<String>())
    }

    fn table(&self) -> String {
        let mut table =
            "| what | measured | against | measured | ratio (rounds) | goal | reached | processors, ours |\n\
                         | --- | ---: | --- | ---: | ---: | --- | --- | --- |\n"
                .to_owned();
        for measured in &self.measured {
            match &measured.failure {
                Some(failure) => {
                    table.push_str(&format!("| {} | invalid: {failure} |\n", measured.name));
                }
                None => measured.rows().iter().for_each(|row| table.push_str(&line(row))),
            }
        }
        table.push_str(&format!(
            "| peak memory of the server | {:.0} MiB | – | – | – | < {MEMORY_GOAL} MiB | {} | – |\n",
            self.memory,
            yes_or_no(self.memory < MEMORY_GOAL),
        ));
        let disturbance = self.measured.iter().map(Measured::disturbance).fold(0.0, f64::max);
        if disturbance > DISTURBANCE {
            table.push_str(&format!(
                "\n**Disturbed**: other programs took up to {:.0} % of the processor time.\n",
                disturbance * 100.0,
            ));
        }
        table
    }

    fn json(&self) -> Value {
        let facts = self.facts.iter().map(|(name, fact)| ((*name).to_owned(), json!(fact)));
        let groups: Vec<Value> = self.measured.iter().map(Measured::json).collect();
        json!({
            "machine": facts.collect::<Map<_, _>>(),
            "groups": groups,
            "peak_memory_mib": self.memory,
        })
    }
}

fn line(row: &Row) -> String {
    let Row { comparison, ours, theirs, ratio, spread, usage } = row;
    let unit = comparison.metric.unit();
    format!(
        "| {} | {}{unit} | {} | {}{unit} | {ratio:.2} ({:.2}–{:.2}) | {} | {} | {} |\n",
        comparison.what,
        figure(*ours),
        comparison.against,
        figure(*theirs),
        spread.0,
        spread.1,
        comparison.goal,
        yes_or_no(comparison.goal.is_reached(*ratio)),
        usage.map(|usage| usage.to_string()).unwrap_or_default(),
    )
}

fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}

/// Formats three significant digits.
fn figure(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Returns the document with new content between its marks.
fn between_marks(document: &str, content: &str) -> Result<String, Failure> {
    let parts = document.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}\n\n{content}\n{END}{after}"))
    });
    parts.ok_or_else(|| format!("docs/PERFORMANCE.md lacks {BEGIN} and {END}").into())
}
