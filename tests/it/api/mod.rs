//! The JSON API.

mod account;
mod cors;
mod disabled;
mod errors;
mod follows;
mod idempotency;
mod limits;
mod messages;
mod permissions;
mod problems;
mod replies;
mod search;
mod search_blocks;
mod search_characters;
mod search_terms;
mod stream;
mod tokens;
mod users;
