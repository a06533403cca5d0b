//! Shared by the three surfaces (`simulator_api`, `api`, `web`): the client, cookies, CSRF checks,
//! middleware, error rendering and OpenAPI helpers.
//!
//! May use `telemetry` only. Has no operations and no routes.

pub mod client;
pub mod compression;
pub mod cookies;
pub mod cross_site;
pub mod error_entry;
pub mod errors;
pub mod methods;
pub mod middleware;
pub mod openapi;
pub mod representation;
pub mod routes;
pub mod validators;
