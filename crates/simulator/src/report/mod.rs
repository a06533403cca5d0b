//! Reports of a run: a table for the terminal, JSON for programs, and an HTML page with plots.

pub(crate) mod format;
mod json;
mod page;
mod plots;
mod table;

pub use json::json;
pub use page::{PageError, page};
pub use table::table;
