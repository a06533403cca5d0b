//! The schema before a server serves: applies migrations, or waits until another process has applied
//! them, and checks the result.

use std::time::Duration;

use super::{Failure, database::Source, waits::Limit};
use crate::{
    config::ServeArgs,
    db::{Connection, PgConnection, migrations},
};

/// How often to check for migrations that another process applies.
const SCHEMA_POLL: Duration = Duration::from_secs(1);

/// Applies pending migrations, unless `--no-migrate` is set.
pub(super) async fn apply_migrations(settings: &ServeArgs, source: &Source) -> Result<(), Failure> {
    if settings.no_migrate {
        return Ok(());
    }
    let (connection, applied) = source.migrate().await?;
    for migration in applied {
        tracing::info!(migration, "applied");
    }
    connection.close().await?;
    Ok(())
}

/// Waits until another process has applied the migrations that this program needs. The database may
/// be unreachable until then.
pub(super) async fn await_migrations(settings: &ServeArgs, source: &Source) -> Result<(), Failure> {
    let Some(time) = settings.await_migrations else {
        let mut connection = source.connect().await?;
        let check =
            async { check_server(&mut connection).await.map_err(|error| source.failure(error)) };
        let limit = Some(source.waits().start_limit());
        source.waits().wait("the check of the schema", limit, check).await?;
        return Ok(connection.close().await?);
    };
    let limit = Limit { time, setting: "--await-migrations (MINITWIT_AWAIT_MIGRATIONS)" };
    let mut last = None;
    let migrated = poll_schema(source, &mut last);
    let migrated = source.waits().wait("the schema of this program", Some(limit), migrated).await;
    match last {
        // It says more than that the time is over.
        Some(reason) if source.waits().stop().requested().is_none() => {
            migrated.map_err(|_| source.failure(reason))
        }
        _ => migrated,
    }
}

/// Completes when the schema can be used, or with an error that does not pass. `last` is the reason to wait.
async fn poll_schema(source: &Source, last: &mut Option<migrations::Error>) -> Result<(), Failure> {
    loop {
        let Err(error) = check_schema(source).await else { return Ok(()) };
        if !error.passes() {
            *last = None;
            return Err(source.failure(error));
        }
        let reason = error.to_string();
        if last.as_ref().map(ToString::to_string).as_ref() != Some(&reason) {
            tracing::info!(reason, "waiting for migrations");
        }
        *last = Some(error);
        tokio::time::sleep(SCHEMA_POLL).await;
    }
}

async fn check_schema(source: &Source) -> Result<(), migrations::Error> {
    let mut connection = migrations::connect(&source.options).await?;
    check_server(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Checks that a server can serve: the history, the rights of its role, and the objects.
async fn check_server(connection: &mut PgConnection) -> Result<(), migrations::Error> {
    migrations::check(connection).await?;
    migrations::check_rights(connection).await?;
    migrations::check_objects(connection).await
}
