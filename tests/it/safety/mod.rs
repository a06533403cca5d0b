//! Security: cross-site requests, error texts and headers.

mod cross_site;
mod failures;
mod headers;
mod methods;
mod request_head;
