//! Reports of a run: a table for the terminal, JSON for programs, and an HTML page with plots.

pub(crate) mod format;
pub(crate) mod html;
mod json;
mod page;
pub(crate) mod plots;
mod table;
pub(crate) mod terms;

pub use html::PageError;
pub use json::json;
pub use page::page;
pub use table::{table, verification_table};
