//! The rows of users, messages and follows: reads all of them in one snapshot, and inserts them into empty tables.
//!
//! The rows are the lines of an export, so their fields are a published format.

pub mod follows;
pub mod messages;
pub mod users;

use sqlx::{Executor as _, PgConnection};

use super::error::Error;

/// Begins a transaction whose statements all see the same state of the database.
pub async fn begin_snapshot(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    Ok(())
}

/// Begins the transaction that inserts the rows.
///
/// Other transactions can read the tables, but not change them, until it ends.
pub async fn begin_import(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("BEGIN").await?;
    connection.execute("LOCK TABLE users, messages, follows IN EXCLUSIVE MODE").await?;
    Ok(())
}

/// Whether a table has a row.
pub async fn any_row(connection: &mut PgConnection) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM messages)
               OR EXISTS (SELECT FROM follows) AS "any!""#
    );
    Ok(query.fetch_one(connection).await?)
}

/// Makes new rows get ids after those of the inserted ones, and ends the transaction.
pub async fn commit_import(connection: &mut PgConnection) -> Result<(), Error> {
    // An identity that has given no value starts at its first one.
    sqlx::query!(
        r#"SELECT setval(pg_get_serial_sequence('users', 'user_id'), max(user_id)) AS "users",
                  (SELECT setval(pg_get_serial_sequence('messages', 'message_id'), max(message_id))
                   FROM messages) AS "messages"
           FROM users"#
    )
    .fetch_one(&mut *connection)
    .await?;
    connection.execute("COMMIT").await?;
    connection.execute("ANALYZE users, messages, follows").await?;
    Ok(())
}

/// Ends a transaction without a change.
pub async fn roll_back(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("ROLLBACK").await?;
    Ok(())
}
