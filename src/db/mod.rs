//! PostgreSQL: the only place that speaks SQL. May use `domain`; knows nothing of HTTP.

pub mod embedded;
