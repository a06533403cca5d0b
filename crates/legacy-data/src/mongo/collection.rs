//! The collections that are imported.

use crate::record::Table;

/// The table of a collection's name.
pub(super) fn table(collection: &str) -> Option<Table> {
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(collection));
    if is(&["users", "user"]) {
        Some(Table::Users)
    } else if is(&["messages", "message"]) {
        Some(Table::Messages)
    } else if is(&["latest"]) {
        Some(Table::Latest)
    } else {
        None
    }
}
