//! The table `instance`: one row with the name of this instance.

use std::time::Duration;

use super::{error::Error, parameters::interval, pool::Database};
use crate::domain::Instance;

/// Returns the instance; the first server inserts it.
///
/// A session that began with the former name of its cookie ends at the latest `session_lifetime`
/// after that.
pub async fn get_or_insert(
    database: &Database,
    session_lifetime: Duration,
) -> Result<Instance, Error> {
    let lifetime = interval(session_lifetime);
    let known = sqlx::query_as!(
        Instance,
        r#"SELECT name, created_at + $1::interval AS "former_cookies_until!" FROM instance"#,
        lifetime.clone(),
    );
    // A read-only database rejects an insert even if it would change nothing.
    if let Some(instance) = database.optional(known).await? {
        return Ok(instance);
    }
    // Another server may have inserted the row. The update changes nothing; it makes the statement
    // return an existing row.
    let query = sqlx::query_as!(
        Instance,
        r#"INSERT INTO instance AS known DEFAULT VALUES
           ON CONFLICT ON CONSTRAINT instance_pkey DO UPDATE SET name = known.name
           RETURNING name, created_at + $1::interval AS "former_cookies_until!""#,
        lifetime,
    );
    database.one(query).await
}
