//! The counts and findings of an import.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use legacy_data::Table;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    rule::{Outcome, Rule},
    value::Rules,
};
use crate::db::import::Totals;

/// What happened to the records of a table: `imported + changed + skipped = read`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records in the source.
    pub read: u64,
    /// Imported as they are.
    pub imported: u64,
    /// Imported with a change.
    pub changed: u64,
    /// Not imported.
    pub skipped: u64,
}

/// The result of an import, without the single findings.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    tables: BTreeMap<Table, Counts>,
    rules: BTreeMap<(Table, Rule), u64>,
    /// Plain-text passwords in the source, of which only hashes are stored.
    pub plain_passwords: u64,
    /// The rows that the database has after the import; `None` in a dry run.
    pub database: Option<Totals>,
}

impl Summary {
    /// The result of an import of so many records of each table without a change.
    pub fn unchanged(records: impl IntoIterator<Item = (Table, u64)>) -> Self {
        let counts = |read| Counts { read, imported: read, ..Counts::default() };
        let tables = records.into_iter().map(|(table, read)| (table, counts(read))).collect();
        Self { tables, ..Self::default() }
    }

    /// The counts of a table.
    pub fn counts(&self, table: Table) -> Counts {
        self.tables.get(&table).copied().unwrap_or_default()
    }

    /// How often each rule applied, by table.
    pub fn rules(&self) -> impl Iterator<Item = (Table, Rule, u64)> {
        self.rules.iter().map(|((table, rule), count)| (*table, *rule, *count))
    }

    /// The counts by table, and the rules with their counts and meanings.
    pub fn json(&self) -> Value {
        let tables: serde_json::Map<String, Value> = Table::ALL
            .iter()
            .map(|table| (table.name().to_owned(), json!(self.counts(*table))))
            .collect();
        let rules: Vec<Value> = self
            .rules()
            .map(|(table, rule, count)| {
                json!({
                    "table": table.name(),
                    "rule": rule.name(),
                    "outcome": rule.outcome().name(),
                    "count": count,
                    "meaning": rule.meaning(),
                })
            })
            .collect();
        let database = self.database.map(|rows| {
            json!({
                "users": rows.users, "messages": rows.messages, "flagged_messages": rows.flagged,
                "follows": rows.follows,
            })
        });
        json!({
            "tables": tables, "plain_text_passwords": self.plain_passwords, "database": database, "rules": rules,
        })
    }
}

/// Counts records, and writes each finding as a line of JSON.
pub(super) struct Recorder {
    pub(super) summary: Summary,
    findings: Option<Box<dyn Write + Send>>,
    written: bool,
}

impl Recorder {
    pub(super) fn new(findings: Option<Box<dyn Write + Send>>) -> Self {
        Self { summary: Summary::default(), findings, written: false }
    }

    /// Counts a record and its rules.
    pub(super) fn record(&mut self, table: Table, old_id: &str, rules: &Rules) -> io::Result<()> {
        let outcome = outcome(rules);
        let counts = self.summary.tables.entry(table).or_default();
        counts.read += 1;
        match outcome {
            Outcome::Imported => counts.imported += 1,
            Outcome::Changed => counts.changed += 1,
            Outcome::Skipped => counts.skipped += 1,
        }
        for (rule, detail) in rules {
            *self.summary.rules.entry((table, *rule)).or_default() += 1;
            if *rule != Rule::AlreadyImported {
                self.write(table, old_id, *rule, detail)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, table: Table, id: &str, rule: Rule, detail: &str) -> io::Result<()> {
        let Some(findings) = &mut self.findings else { return Ok(()) };
        let mut finding = json!({"table": table.name(), "source_id": id, "rule": rule.name()});
        if !detail.is_empty() {
            finding["detail"] = json!(detail);
        }
        findings.write_all(if self.written { b",\n" } else { b"\n" })?;
        self.written = true;
        serde_json::to_writer(findings, &finding)?;
        Ok(())
    }

    /// Writes the remaining findings, and returns the counts.
    pub(super) fn finish(mut self) -> io::Result<Summary> {
        if let Some(findings) = &mut self.findings {
            findings.flush()?;
        }
        Ok(self.summary)
    }
}

/// The strongest outcome of the rules.
pub(super) fn outcome(rules: &Rules) -> Outcome {
    rules.iter().map(|(rule, _)| rule.outcome()).max().unwrap_or(Outcome::Imported)
}
