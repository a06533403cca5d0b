//! The operations of MiniTwit. Each use case is one method of [`Service`], the same for all
//! surfaces.
//!
//! Imports `domain`, `db` and `telemetry`, and nothing of HTTP. Every operation returns an error if
//! the database fails; the doc comments name only other errors. Each write runs in its own task, so
//! a client that disconnects cannot interrupt it halfway.

mod accounts;
mod batch;
mod counts;
mod error;
pub mod export;
mod follows;
pub mod import;
mod indexing;
mod instance;
mod latest;
mod limits;
mod live;
mod messages;
mod moderation;
mod own_data;
mod passwords;
mod profiles;
mod readiness;
mod search;
mod sessions;
mod settling;
mod sign_in_client;
mod state;
#[cfg(test)]
pub(crate) mod test_support;
mod token_uses;
mod tokens;

pub use error::{Error, ErrorKind};
pub use latest::PendingWrite;
pub use limits::{Origin, Rate, RateLimits};
pub use live::{
    Credential, Render, StreamEvent, StreamSettings, SubscribeRequest, Subscription, Timeline,
};
pub use messages::PostedMessage;
pub use own_data::{DataPage, OwnData};
pub use passwords::{HashingError, PasswordSettings};
pub use readiness::NotReady;
pub use sign_in_client::SignInClient;
pub use state::{Service, Settings};
pub use tokens::NewToken;
