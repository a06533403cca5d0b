//! The report for the terminal.

use std::fmt::Write;

use super::model::{Model, Row, Table};

pub(super) fn table(model: &Model) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_model(model, &mut text);
    text
}

fn write_model(model: &Model, text: &mut String) -> std::fmt::Result {
    for warning in &model.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    for table in model.tables.iter().filter(|table| !table.rows.is_empty()) {
        write_table(table, &model.systems, text)?;
    }
    for failure in &model.failures {
        writeln!(text, "\n{}, {}", failure.system, failure.check)?;
        writeln!(text, "  request:  {}", failure.request)?;
        writeln!(text, "  expected: {}", failure.expected)?;
        writeln!(text, "  actual:   {}", failure.actual)?;
    }
    if !model.terms.is_empty() {
        writeln!(text)?;
    }
    model.terms.iter().try_for_each(|term| writeln!(text, "{term}"))
}

fn write_table(table: &Table, systems: &[String], text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n{}", table.title)?;
    let head = Row::new("", systems.iter().cloned());
    let all = || [&head].into_iter().chain(&table.rows);
    let longest = |of: &dyn Fn(&Row) -> usize| all().map(of).max().unwrap_or_default();
    let label_width = longest(&|row| row.label.chars().count());
    let cell_width =
        |column: usize| longest(&|row| row.cells.get(column).map_or(0, |it| it.chars().count()));
    let widths: Vec<usize> = (0..systems.len()).map(cell_width).collect();
    for Row { label, cells } in all() {
        write!(text, "  {label:label_width$}")?;
        for (cell, width) in cells.iter().zip(&widths) {
            write!(text, "  {cell:>width$}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}
