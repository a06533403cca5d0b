//! `minitwit migrate`: applies pending migrations, or lists all of them.

use time::format_description::well_known::Rfc3339;

use super::{
    Failure,
    database::{self, Source},
    start_logs,
    stop::Stop,
};
use crate::{
    config::MigrateArgs,
    db::{
        Connection,
        migrations::{self, Status},
    },
};

pub(super) fn run(settings: &MigrateArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    if settings.status {
        database::check_existing(&settings.database)?;
    }
    let source = Source::open(&settings.database, 1, stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(migrate(&source, settings.status));
    source.close();
    result
}

async fn migrate(source: &Source, only_status: bool) -> Result<(), Failure> {
    source.prepare().await?;
    if only_status {
        let mut connection = source.connect().await?;
        let all = async { migrations::status(&mut connection).await };
        let all = async { all.await.map_err(|error| source.failure(error)) };
        let limit = Some(source.waits().start_limit());
        for migration in source.waits().wait("the list of migrations", limit, all).await? {
            println!("{}", line(&migration)?);
        }
        connection.close().await?;
    } else {
        let (connection, applied) = source.migrate().await?;
        connection.close().await?;
        for migration in &applied {
            println!("applied {migration}");
        }
        if applied.is_empty() {
            println!("nothing to apply: the schema is up to date");
        }
    }
    Ok(())
}

fn line(migration: &Status) -> Result<String, Failure> {
    let Status { version, name, applied_on, known } = migration;
    let state = match applied_on {
        Some(time) => format!("applied {}", time.format(&Rfc3339)?),
        None => "pending".to_owned(),
    };
    let unknown = if *known { "" } else { " (newer than this program)" };
    Ok(format!("V{version}  {name:<28} {state}{unknown}"))
}
