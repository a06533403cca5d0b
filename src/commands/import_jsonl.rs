//! `minitwit import jsonl`: imports an export of `minitwit export` into an empty database.

use std::path::Path;

use legacy_data::Table as Reported;

use super::{Failure, database::Source, stop::Stop};
use crate::{
    config::ImportArgs,
    db::Connection as _,
    service::{
        export::{self, Export, Table},
        import::{Observer, Step, Summary},
    },
};

/// Checks all files before a database is opened or created; `--dry-run` ends then.
pub(super) fn import(
    runtime: &tokio::runtime::Runtime,
    settings: &ImportArgs,
    directory: &Path,
    progress: &dyn Observer,
    stop: &Stop,
) -> Result<Summary, Failure> {
    let begin = |rows| progress.begin(Step::Check, rows);
    let export = Export::open(directory, &begin, &|rows| progress.advance(rows))?;
    if !settings.dry_run {
        let source = Source::join(&settings.database, stop)?;
        let inserted = runtime.block_on(insert(&source, settings, &export, progress));
        source.close();
        inserted?;
    }
    let records = export.manifest().files.iter().map(|file| (reported(file.table), file.rows));
    Ok(Summary::unchanged(records))
}

async fn insert(
    source: &Source,
    settings: &ImportArgs,
    export: &Export,
    progress: &dyn Observer,
) -> Result<(), Failure> {
    source.prepare().await?;
    let (mut connection, _) = source.migrate().await?;
    source.check(&mut connection).await?;
    progress.begin(Step::Rows, export.rows());
    let cost = settings.passwords.password_cost;
    let on_rows = |rows| progress.advance(rows);
    let import = export::import(&mut connection, export, cost, &on_rows);
    source.waits().stop().interrupt(import).await?;
    connection.close().await?;
    Ok(())
}

fn reported(table: Table) -> Reported {
    match table {
        Table::Users => Reported::Users,
        Table::Messages => Reported::Messages,
        Table::Follows => Reported::Follows,
    }
}
