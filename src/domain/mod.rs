//! The values that MiniTwit speaks of, each a type that can only be built valid.
//!
//! Parsing happens at the edge, once; whoever holds a `Username` or a `MessageText` need not ask
//! again. Nothing here does input or output, and nothing here knows of HTTP or SQL.

mod account;
mod idempotency;
mod invalid;
mod line;
mod message;
mod page;
mod registration;
pub mod rich_text;
mod search;
mod tag;
mod token;
mod user;

pub use account::{
    Account, AccountChange, BIO_MAX_CHARS, Bio, Counts, DisplayName, PasswordChange, Profile,
    ProfileView,
};
pub use idempotency::IdempotencyKey;
pub use invalid::Invalid;
pub use message::{MESSAGE_TEXT_MAX_CHARS, Message, MessageSummary, MessageText};
pub use page::{Cursor, InvalidCursor, KeyCursor, NameCursor, PAGE_SIZE, Page};
pub use registration::Registration;
pub use search::{SearchTerms, SearchText, has_unspaced_script};
pub use tag::Tag;
pub use token::{ApiToken, InvalidToken, SessionToken, TokenHash, TokenId, TokenName, TokenRecord};
pub use user::{Email, Password, PasswordHash, User, UserId, Username};
