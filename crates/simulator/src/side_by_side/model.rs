//! What both forms of the report show.

/// A report of several systems.
#[derive(Debug)]
pub(super) struct Model {
    /// "Runs" or "checks".
    pub(super) of: &'static str,
    /// The names of the systems: the heads of the columns.
    pub(super) systems: Vec<String>,
    /// Reasons for which the figures may not be comparable.
    pub(super) warnings: Vec<String>,
    pub(super) tables: Vec<Table>,
    pub(super) failures: Vec<Failure>,
    pub(super) plots: Vec<Plot>,
    /// Explanations of the terms.
    pub(super) terms: Vec<&'static str>,
}

/// A table with a column for each system.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
}

/// A row: a label, and a cell for each system.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) cells: Vec<String>,
}

impl Row {
    pub(super) fn new(label: impl Into<String>, cells: impl IntoIterator<Item = String>) -> Self {
        Self { label: label.into(), cells: cells.into_iter().collect() }
    }
}

/// A failed check of one system.
#[derive(Debug, serde::Serialize)]
pub(super) struct Failure {
    pub(super) system: String,
    pub(super) check: String,
    pub(super) request: String,
    pub(super) expected: String,
    pub(super) actual: String,
}

/// A plot with a line for each system.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) title: &'static str,
    /// By system: a value for each second.
    pub(super) lines: Vec<Vec<Option<f64>>>,
    pub(super) unit: Unit,
}

/// The unit of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds, on a logarithmic axis.
    Milliseconds,
    /// A number.
    Number,
}

/// A dash for a missing value.
pub(super) fn or_dash<T>(value: Option<T>, format: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), format)
}
