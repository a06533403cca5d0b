//! `minitwit migrate`: applies pending migrations, or lists all of them.

use time::format_description::well_known::Rfc3339;

use super::{Failure, database::Source, start_logs};
use crate::{
    config::MigrateArgs,
    db::{
        Connection,
        migrations::{self, Status},
    },
};

pub(super) fn run(settings: &MigrateArgs) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let source = Source::open(&settings.database, 1)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(migrate(&source, settings.status));
    source.close();
    result
}

async fn migrate(source: &Source, only_status: bool) -> Result<(), Failure> {
    source.prepare().await?;
    let mut connection = source.connect().await?;
    if only_status {
        let all = migrations::status(&mut connection).await;
        for migration in all.map_err(|error| source.failure(error))? {
            println!("{}", line(&migration)?);
        }
    } else {
        let applied = migrations::apply(&mut connection, None).await;
        let applied = applied.map_err(|error| source.failure(error))?;
        for migration in &applied {
            println!("applied {migration}");
        }
        if applied.is_empty() {
            println!("nothing to apply: the schema is up to date");
        }
    }
    connection.close().await?;
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
