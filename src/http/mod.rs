//! What the three surfaces (`sim`, `api`, `web`) share: who sent a request, and from where, and how an
//! API describes itself.
//!
//! May use `telemetry` alone. Knows no operation and no path of its own.

pub mod client;
pub mod cross_site;
pub mod errors;
pub mod middleware;
pub mod openapi;
pub mod routes;
