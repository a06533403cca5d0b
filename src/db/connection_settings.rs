//! The settings of each connection that the results of its statements depend on.
//!
//! A server, a database or a role may have other defaults. [`request`] asks for the right values when
//! a connection opens. [`establish`] then reads them: a pooler may have dropped the request, and some
//! settings need more rights than the role has. `TimeZone`, `DateStyle` and `client_encoding` are not
//! here, because sqlx requests them.

use sqlx::{PgConnection, postgres::PgConnectOptions};

use super::cause::Cause;

/// Settings that every role may change, with their values.
const SETTINGS: [(&str, &str); 8] = [
    // Otherwise backslashes in the strings of migrations and queries are escapes.
    ("standard_conforming_strings", "on"),
    // Otherwise `x = NULL` is `x IS NULL`.
    ("transform_null_equals", "off"),
    // Otherwise NULL in the text of an array is a string.
    ("array_nulls", "on"),
    // Statements wait for concurrent ones and then see their changes; the retries expect that.
    ("default_transaction_isolation", "read committed"),
    // Otherwise a violated constraint ends the connection.
    ("exit_on_error", "off"),
    // Checksums of backups are of the texts of rows.
    ("bytea_output", "hex"),
    ("intervalstyle", "postgres"),
    // Otherwise functions in PL/pgSQL fail on code that is valid here.
    ("plpgsql.extra_errors", "none"),
];

/// Settings that need the right of a superuser, or that older servers do not know. A connection
/// cannot request them.
const UNREQUESTED: [(&str, &str); 3] = [
    // Otherwise no trigger fires and no foreign key is checked.
    ("session_replication_role", "origin"),
    // Otherwise names in functions have another meaning.
    ("plpgsql.variable_conflict", "error"),
    // Since PostgreSQL 17.
    ("transaction_timeout", "0"),
];

/// A setting of the connection has a value with which MiniTwit does not work, and the role may not
/// change it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct WrongSetting {
    message: String,
    #[source]
    cause: Cause,
}

/// The failure to establish the settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Wrong(#[from] WrongSetting),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<Error> for sqlx::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Wrong(wrong) => Self::Configuration(wrong.into()),
            Error::Database(error) => error,
        }
    }
}

/// A time-out of a kind of connection, by name, in milliseconds. Zero is none.
pub(super) type Timeout = (&'static str, u128);

/// Options that request the settings and time-outs when the connection opens.
pub(super) fn request(options: PgConnectOptions, timeouts: &[Timeout]) -> PgConnectOptions {
    options.options(SETTINGS).options(timeouts.iter().map(|(name, value)| (*name, value)))
}

/// Changes the settings and time-outs that differ from what is required.
pub(super) async fn establish(
    connection: &mut PgConnection,
    timeouts: &[Timeout],
) -> Result<(), Error> {
    let mut names: Vec<&str> = Vec::new();
    let mut values: Vec<String> = Vec::new();
    for (name, value) in SETTINGS.iter().chain(&UNREQUESTED) {
        names.push(name);
        values.push((*value).to_owned());
    }
    for (name, milliseconds) in timeouts {
        names.push(name);
        values.push(milliseconds.to_string());
    }
    // A time-out is shown with its largest unit. Without `fsync`, no commit is durable, and the operator
    // knows it: the wait for one would be in vain.
    let differing = sqlx::query!(
        r#"SELECT name AS "name!", value AS "value!", required AS "required!"
           FROM (SELECT name, required, current_setting(name, true) AS value
                 FROM unnest($1::text[], $2::text[]) AS given (name, required)
                 UNION ALL
                 SELECT 'synchronous_commit', 'on', 'off'
                 WHERE current_setting('synchronous_commit') = 'off'
                   AND current_setting('fsync') = 'on') AS settings
           WHERE CASE WHEN name LIKE '%timeout' THEN value::interval <> (required || 'ms')::interval
                      ELSE value <> required END"#,
        &names as &[&str],
        &values,
    )
    .fetch_all(&mut *connection)
    .await?;
    if differing.iter().any(|setting| setting.name.starts_with("plpgsql.")) {
        // Until PL/pgSQL is loaded, everyone may set them, without an effect.
        sqlx::raw_sql("DO $$ BEGIN END $$").execute(&mut *connection).await?;
    }
    for setting in differing {
        let change =
            sqlx::query_scalar!("SELECT set_config($1, $2, false)", setting.name, setting.required)
                .fetch_one(&mut *connection)
                .await;
        if let Err(cause) = change {
            let remedy = remedy(connection, &setting.name).await?;
            let message = format!(
                "connections have {} = {}, MiniTwit needs {}, and its role may not change that; \
                 {remedy}",
                setting.name, setting.value, setting.required
            );
            return Err(WrongSetting { message, cause: cause.into() }.into());
        }
    }
    Ok(())
}

/// What an operator does to reset a setting, by where its value comes from.
async fn remedy(connection: &mut PgConnection, name: &str) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT CASE source
               WHEN 'user' THEN format('run: ALTER ROLE %I RESET %s', session_user, name)
               WHEN 'database' THEN
                   format('run: ALTER DATABASE %I RESET %s', current_database(), name)
               WHEN 'database user' THEN
                   format('run: ALTER ROLE %I IN DATABASE %I RESET %s', session_user,
                          current_database(), name)
               WHEN 'global' THEN format('run: ALTER ROLE ALL RESET %s', name)
               ELSE format('remove it from the %s of the server', source)
           END AS "remedy!"
           FROM (SELECT $1::text AS name,
                        COALESCE((SELECT source FROM pg_settings WHERE pg_settings.name = $1),
                                 'configuration') AS source) AS setting"#,
        name,
    )
    .fetch_one(connection)
    .await
}
