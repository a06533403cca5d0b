//! What the three surfaces (`sim`, `api`, `web`) share: who sent a request, and how an API
//! describes itself.
//!
//! May use `telemetry` alone. Knows no operation and no path of its own.

pub mod client;
pub mod openapi;
pub mod routes;
