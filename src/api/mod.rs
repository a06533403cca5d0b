//! The JSON API of MiniTwit, served at [`PREFIX`].
//!
//! One file a resource (`account`, `tokens`, `users`, `follows`, `messages`, `threads`, `timelines`, `search`,
//! `stream`); the other files hold what all resources share. An operation calls one method of `Service`. This
//! module may use `service`, `domain`, `http` and `telemetry`.

mod account;
mod auth;
mod code;
mod document;
mod endpoint;
mod failure;
mod fields;
mod follows;
mod idempotency;
mod messages;
mod paging;
mod paths;
mod problem;
mod profiles;
mod search;
mod stream;
mod tags;
mod threads;
mod timelines;
mod tokens;
mod users;

pub use code::error_codes;
pub use document::{document, route_template};
pub use endpoint::endpoint;
pub use paths::PREFIX;
