//! The HTML report, rendered from `templates/side_by_side.html`.

use serde::Serialize;

use super::model::{Failure, Model, Unit};
use crate::report::{
    PageError,
    html::{self, Colour, PlotModel},
    plots,
};

const TEMPLATE: &str = "side_by_side.html";

#[derive(Serialize)]
struct PageModel<'a> {
    of: &'static str,
    /// Colours in the plots, and the CSS variables that replace them.
    colours: Vec<Colour>,
    systems: &'a [String],
    warnings: &'a [String],
    tables: Vec<PageTable<'a>>,
    failures: &'a [Failure],
    plots: Vec<PlotModel<'a>>,
    terms: &'a [&'static str],
}

/// A table with rows.
#[derive(Serialize)]
struct PageTable<'a> {
    title: &'static str,
    /// The label, and the cells.
    rows: Vec<(&'a str, &'a [String])>,
}

pub(super) fn page(model: &Model) -> Result<String, PageError> {
    let tables = model.tables.iter().filter(|table| !table.rows.is_empty());
    let tables = tables.map(|table| PageTable {
        title: table.title,
        rows: table.rows.iter().map(|row| (row.label.as_str(), &row.cells[..])).collect(),
    });
    let mut drawn = Vec::new();
    for plot in &model.plots {
        let svg = match plot.unit {
            Unit::Milliseconds => plots::latencies(&plot.lines)?,
            Unit::Number => plots::numbers(&plot.lines)?,
        };
        let series = model.systems.iter().map(String::as_str).collect();
        drawn.push(PlotModel { title: plot.title, series, svg });
    }
    html::render(
        TEMPLATE,
        &PageModel {
            of: model.of,
            colours: html::colours(),
            systems: &model.systems,
            warnings: &model.warnings,
            tables: tables.collect(),
            failures: &model.failures,
            plots: drawn,
            terms: &model.terms,
        },
    )
}
