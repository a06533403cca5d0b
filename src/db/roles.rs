//! The role that servers connect as.

use sqlx::{AssertSqlSafe, PgConnection};

use super::Error;

/// Sets the password of the connection's own role.
pub async fn set_password(connection: &mut PgConnection, password: &str) -> Result<(), Error> {
    // The statement takes no parameters, so PostgreSQL itself quotes the password.
    let statement = sqlx::query_scalar!(
        r#"SELECT format('ALTER ROLE %I PASSWORD %L', current_user, $1::text) AS "statement!""#,
        password
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
