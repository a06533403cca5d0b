//! The page models: the content of each page, in the words and order of the original MiniTwit.
//!
//! One file per page or shared part. This file only declares and re-exports them.

mod atom;
mod confirm;
mod error;
mod error_codes;
mod excerpt;
mod field;
mod follows;
mod format;
mod frame;
mod message;
mod message_list;
mod open_graph;
mod own_data;
mod person_list;
mod profile;
mod search;
mod settings;
mod sign_in;
mod site;
mod tag;
#[cfg(test)]
mod tests;
mod timeline;
mod tokens;
mod written_text;

pub use atom::{ArchiveEntries, Feed};
pub use confirm::{ConfirmPage, Confirmation};
pub use error::ErrorPage;
pub use error_codes::ErrorCodesPage;
pub use field::Field;
pub use follows::{Direction, FollowsPage};
pub use frame::{Frame, SessionMark};
pub use message::{DeletePage, EditPage, MessagePage};
pub use open_graph::OpenGraph;
pub use own_data::OwnDataJson;
pub use profile::FollowStatus;
pub use search::SearchPage;
pub use settings::{DeleteAccountPage, PasswordForm, ProfileForm, SettingsPage};
pub use sign_in::{LoginPage, RegisterPage, SignInField, SignInForm};
pub use site::Site;
pub use tag::TagPage;
pub use timeline::TimelinePage;
pub use tokens::{NewTokenPage, TokenForm, TokensPage};
pub use written_text::WrittenText;
