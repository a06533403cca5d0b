//! One report of several runs or checks, side by side, from their JSON reports.

mod checks;
mod input;
mod model;
mod page;
mod runs;
mod table;

use std::path::PathBuf;

pub use input::InputError;
use input::Reports;
use model::Model;

use crate::report::PageError;

/// The reports of several systems, side by side.
#[derive(Debug)]
pub struct SideBySide(Model);

impl SideBySide {
    /// Reads the JSON reports in these files: all of runs, or all of checks.
    pub fn read(files: &[PathBuf]) -> Result<Self, InputError> {
        Ok(Self(match input::read(files)? {
            Reports::Runs(runs) => runs::model(&runs),
            Reports::Checks(checks) => checks::model(&checks),
        }))
    }

    /// The report as a text table.
    pub fn table(&self) -> String {
        table::table(&self.0)
    }

    /// The report as an HTML page.
    pub fn page(&self) -> Result<String, PageError> {
        page::page(&self.0)
    }
}
