//! The table `known_clients`: the networks and browsers from which each account has signed in.
//!
//! A sign-in inserts its client together with the session or token.

use std::time::Duration;

use super::{error::Error, parameters::interval, pool::Database};

/// Deletes clients whose last sign-in is older than `lifetime`. Returns their number.
pub async fn sweep(database: &Database, lifetime: Duration) -> Result<u64, Error> {
    let query = sqlx::query!(
        "DELETE FROM known_clients WHERE last_sign_in < now() - $1::interval",
        interval(lifetime),
    );
    database.execute(query).await
}
