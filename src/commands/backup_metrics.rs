//! The metrics of backups: a task of the server reads them from the repository and the database.

use std::{path::PathBuf, sync::Arc, time::Duration};

use pgbackrest::PgBackRest;
use tokio::sync::Notify;

use super::{Failure, database::Source, drill::DrillResult, repository};
use crate::{
    config::DatabaseArgs,
    db::{Connection, PgConnectOptions, archiving, migrations},
    telemetry::metrics,
};

/// How often the task reads the repository. Services of buckets charge for each request.
const INTERVAL: Duration = Duration::from_secs(60);

/// Where the task reads.
#[derive(Clone)]
pub(super) struct Sources {
    program: PgBackRest,
    options: PgConnectOptions,
    data_dir: PathBuf,
}

impl Sources {
    /// The repository of the started database; `None` if it has none.
    pub(super) fn of(source: &Source, settings: &DatabaseArgs) -> Result<Option<Self>, Failure> {
        let Some(directory) = source.data_dir() else { return Ok(None) };
        let program = repository::configured(directory, settings.postgres_user.as_deref())?;
        let (options, data_dir) = (source.options.clone(), directory.to_owned());
        Ok(program.map(|program| Self { program, options, data_dir }))
    }
}

/// Records the metrics until it is aborted, periodically and after each notification of a change. Logs only
/// the first of consecutive failures.
pub(super) async fn record_forever(sources: Sources, changed: Arc<Notify>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = changed.notified() => {}
        }
        let result = record(&sources).await;
        if let Err(error) = &result
            && !failing
        {
            tracing::warn!(%error, "cannot read the state of the backups");
        }
        failing = result.is_err();
    }
}

async fn record(sources: &Sources) -> Result<(), Failure> {
    if let Some(drill) = DrillResult::read(&sources.data_dir) {
        let DrillResult { time, passed, rto_seconds, rpo_seconds, .. } = drill;
        metrics::drilled(time, passed, rto_seconds, rpo_seconds);
    }
    let mut connection = migrations::connect(&sources.options).await?;
    let archived = archiving::last_archived(&mut connection).await?;
    connection.close().await?;
    if let Some(time) = archived {
        metrics::wal_archived(time.unix_timestamp());
    }
    let program = sources.program.clone();
    let info = tokio::task::spawn_blocking(move || program.info()).await??;
    if let Some(newest) = info.newest() {
        metrics::backed_up(newest.timestamp.stop, newest.sizes.repository.delta);
    }
    Ok(())
}
