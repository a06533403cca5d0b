//! Types of valid values.
//!
//! The surfaces parse requests into these types once; no other code checks a value again. Each
//! `parse` returns the rule that its input breaks. This module uses no I/O, HTTP or SQL.

mod account;
mod characters;
mod common_passwords;
mod emoji;
mod idempotency_key;
mod instance;
mod invalid;
mod message;
mod name_characters;
mod one_line_text;
mod page;
mod password;
mod password_hash;
mod password_rules;
mod profile;
mod registration;
mod reserved_names;
pub mod rich_text;
mod scope;
mod search;
mod tag;
mod token;
mod user;

pub use account::{Account, AccountChange, AccountView, Grant, ModeratedUser, PasswordChange};
pub use characters::is_blank;
pub use emoji::is_symbol;
pub use idempotency_key::{IdempotencyKey, KeyedRequest, RequestHash};
pub use instance::Instance;
pub use invalid::Invalid;
pub use message::{
    AuthorTimeline, MESSAGE_TEXT_MAX_CHARS, Message, MessageSummary, MessageText, ModeratedMessage,
    Reply, ReplyTo, THREAD_MAX_PARENTS, Thread,
};
pub use page::{Cursor, InvalidCursor, KeyCursor, NameCursor, PAGE_SIZE, Page};
pub use password::Password;
pub use password_hash::{Bcrypt, Digest, InvalidHash, PasswordHash, Pbkdf2, Scrypt};
pub use password_rules::{PasswordRules, Weakness};
pub use profile::{BIO_MAX_CHARS, Bio, Counts, DisplayName, Profile, ProfileView};
pub use registration::Registration;
pub use scope::{Scope, Scopes};
pub use search::{SearchTerms, SearchText, has_unspaced_script};
pub use tag::Tag;
pub use token::{
    ApiToken, BrowserToken, ClientHash, InvalidToken, SessionToken, TokenHash, TokenId, TokenName,
    TokenRecord, TokenRequest,
};
pub use user::{Email, SIGNS, User, UserId, Username};
