//! What handlers extract from a request: the viewer, parts of the path, the cursor of a list.

pub mod page_query;
pub mod path;
pub mod session;
