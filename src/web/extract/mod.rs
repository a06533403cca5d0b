//! The handlers' extractors: the viewer, parts of the path, the cursor of a list.

pub mod page_query;
pub mod path;
pub mod session;
