//! The JSON API.

mod account;
mod disabled;
mod following;
mod limits;
mod permissions;
mod problems;
mod tokens;
mod users;
