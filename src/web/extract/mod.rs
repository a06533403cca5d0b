//! What handlers take from a request: the session, the parts of the path, the query of a page.

pub(super) mod page_query;
pub(super) mod path;
pub(super) mod session;
