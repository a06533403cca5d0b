//! Tables of the Flask original and of its variants, in SQLite and PostgreSQL.

mod column;
pub(crate) mod postgres;
mod rows;
pub(crate) mod schema;
pub(crate) mod sqlite;
mod sqlite_file;
