//! The values that MiniTwit speaks of, each a type that can only be built valid.
//!
//! Parsing happens at the edge, once; whoever holds a `Username` or a `MessageText` need not ask
//! again. Nothing here does input or output, and nothing here knows of HTTP or SQL.

mod invalid;
mod message;
mod page;
mod registration;
mod session;
mod user;

pub use invalid::Invalid;
pub use message::{MESSAGE_TEXT_MAX_CHARS, Message, MessageText};
pub use page::{Cursor, InvalidCursor, PAGE_SIZE, Page};
pub use registration::Registration;
pub use session::{SessionToken, TokenHash};
pub use user::{Email, Password, PasswordHash, User, UserId, Username};
