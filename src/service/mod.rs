//! The operations of MiniTwit: one method of [`Service`] a use case, the same for all surfaces.
//!
//! Imports `domain`, `db` and `telemetry`, and knows nothing of HTTP. Every operation returns an
//! error if the database fails; its documentation names only the other errors. Writes run in tasks
//! of their own, so that a client that disconnects does not cancel half an operation.

mod accounts;
mod batch;
mod counts;
mod error;
mod follows;
mod latest;
mod limits;
mod live;
mod messages;
mod moderation;
mod passwords;
mod profiles;
mod search;
mod sessions;
mod state;
#[cfg(test)]
pub(crate) mod test_support;
mod tokens;

pub use error::{Error, ErrorKind, SchemaError};
pub use latest::PendingWrite;
pub use limits::{Origin, PerMinute, RateLimits};
pub use live::{
    Credential, Render, StreamEvent, StreamSettings, SubscribeRequest, Subscription, Timeline,
};
pub use passwords::PasswordSettings;
pub use state::{Service, Settings};
pub use tokens::NewToken;
