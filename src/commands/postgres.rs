//! `minitwit postgres`: runs PostgreSQL for servers elsewhere, archives its WAL, and backs up and drills by
//! schedule.
//!
//! The database image runs it, because `archive_command` runs where PostgreSQL does. The other commands
//! find the data and the repository as those of an embedded PostgreSQL.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use embedded_postgres::{ROLE, SOCKET_PORT, StoppedData};
use pgbackrest::{BackupKind, BackupType, PgBackRest};
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::{
    Failure, backup, backup_metrics,
    database::{self, DATABASE, ServerOptions, Source},
    drill::{self, DrillResult},
    repository,
    schedule::{self, Done, Task},
    start_server_logs,
    stop::Stop,
};
use crate::{
    config::{DatabaseArgs, PostgresArgs, ScheduleArgs, Secret},
    db::{Connection, archiving, migrations, roles},
    server::database_checks,
    telemetry::metrics,
};

/// The file of the rules for connections, in the data directory.
const RULES: &str = "pg_hba.conf";

/// The longest start. Crash recovery replays up to `max_wal_size`, and an interruption would repeat it.
const READY_TIMEOUT: Duration = Duration::from_secs(3_600);

/// How often the schedule is compared with the clock, which may step.
const CLOCK_CHECK: Duration = Duration::from_secs(20);

/// How often to check whether there are tables to back up.
const SCHEMA_CHECK: Duration = Duration::from_secs(2);

/// The pause after a failed backup or drill.
const RETRY: Duration = Duration::from_secs(600);

pub(super) fn run(settings: &PostgresArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_server_logs(&settings.log)?;
    if !settings.database.is_embedded() || settings.database.ephemeral {
        return Err(
            "minitwit postgres runs PostgreSQL itself: remove --database-url (DATABASE_URL) and \
                    --ephemeral (MINITWIT_EPHEMERAL)"
                .into(),
        );
    }
    let metrics = metrics::start_for_database()?;
    let data_dir = database::data_dir(&settings.database)?;
    adopt_cluster(&data_dir, settings.database.postgres_user.as_deref())?;
    repository::configure_or_forget(&data_dir, &settings.database, &settings.repository)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let source = start(settings, &data_dir, stop)?;
    let result = runtime.block_on(async {
        source.prepare().await?;
        set_password(&source, settings.postgres_password_file.as_ref()).await?;
        let checks =
            database_checks::bind(settings.operations_listen, source.options.clone(), metrics)
                .await?;
        let changed = Arc::new(Notify::new());
        start_schedule(settings, &source, &data_dir, Arc::clone(&changed))?;
        let postgres = SocketAddr::new(settings.postgres_listen, SOCKET_PORT);
        let base = format!("http://{}", checks.address()?);
        tracing::info!(%postgres, base, "serving");
        stop.take_over();
        let recording = record_metrics(&source, settings, changed);
        tokio::select! {
            () = checks.serve() => {}
            () = recording => {}
            _ = stop.first() => {}
        }
        Ok(())
    });
    tracing::info!("stopping");
    source.close();
    result
}

/// Moves the cluster of the official image of PostgreSQL to its place in the data directory.
fn adopt_cluster(data_dir: &Path, postgres_user: Option<&str>) -> Result<(), Failure> {
    if StoppedData::lock(data_dir, postgres_user)?.adopt_cluster()? {
        tracing::info!(path = %data_dir.display(), "moved the existing cluster to postgres/");
    }
    Ok(())
}

fn start(settings: &PostgresArgs, data_dir: &Path, stop: &Stop) -> Result<Source, Failure> {
    let mut options = vec![format!("hba_file={}", write_rules(settings, data_dir)?.display())];
    if settings.postgres_password_file.is_some() {
        options.push(format!("listen_addresses={}", address(settings.postgres_listen)));
    }
    options.extend(settings.postgres_options.0.iter().cloned());
    Source::start(
        &settings.database,
        stop,
        ServerOptions {
            max_connections: settings.postgres_connections,
            options,
            ready_timeout: READY_TIMEOUT,
        },
    )
}

/// PostgreSQL's spelling of an address; it has one for all addresses of both families.
fn address(address: IpAddr) -> String {
    if address.is_unspecified() && address.is_ipv6() { "*".to_owned() } else { address.to_string() }
}

/// Writes who may connect: the account of PostgreSQL by the socket, and the servers with the password.
fn write_rules(settings: &PostgresArgs, data_dir: &Path) -> Result<PathBuf, Failure> {
    let mut rules = "local all all trust\n".to_owned();
    if settings.postgres_password_file.is_some() {
        rules.push_str(&format!("host {DATABASE} {ROLE} all scram-sha-256\n"));
    }
    let path = std::path::absolute(data_dir)?.join(RULES);
    fs::write(&path, rules)?;
    Ok(path)
}

/// Sets the role's password at each start, so that a new secret holds after a restart.
async fn set_password(source: &Source, password: Option<&Secret>) -> Result<(), Failure> {
    let Some(password) = password else { return Ok(()) };
    let mut connection = source.connect().await?;
    roles::set_password(&mut connection, password.expose()).await?;
    Ok(connection.close().await?)
}

async fn record_metrics(source: &Source, settings: &PostgresArgs, changed: Arc<Notify>) {
    match backup_metrics::Sources::of(source, &settings.database) {
        Ok(Some(sources)) => backup_metrics::record_forever(sources, changed).await,
        Ok(None) => std::future::pending().await,
        Err(error) => {
            tracing::error!(%error, "the metrics of backups are not recorded");
            std::future::pending().await
        }
    }
}

/// Starts the thread that backs up and drills. It ends with the process.
fn start_schedule(
    settings: &PostgresArgs,
    source: &Source,
    data_dir: &Path,
    changed: Arc<Notify>,
) -> Result<(), Failure> {
    let user = settings.database.postgres_user.as_deref();
    let Some(program) = repository::configured(data_dir, user)? else {
        tracing::warn!("there are no backups: no --backup-repository is given");
        return Ok(());
    };
    let scheduler = Scheduler {
        program,
        schedule: settings.schedule,
        settings: settings.database.clone(),
        source: source.client(),
        data_dir: data_dir.to_owned(),
        changed,
    };
    thread::Builder::new().name("schedule".to_owned()).spawn(move || scheduler.run())?;
    Ok(())
}

/// Backs up and drills.
struct Scheduler {
    program: PgBackRest,
    schedule: ScheduleArgs,
    settings: DatabaseArgs,
    source: Source,
    data_dir: PathBuf,
    /// Notified after each task.
    changed: Arc<Notify>,
}

impl Scheduler {
    fn run(&self) {
        loop {
            let now = OffsetDateTime::now_utc();
            let pause = match self.do_next(now) {
                Ok(Some(())) => {
                    self.changed.notify_one();
                    continue;
                }
                Ok(None) => schedule::next(&self.schedule, now),
                Err(error) => {
                    let error = crate::telemetry::request::with_causes(error.as_ref());
                    tracing::error!(error, "a scheduled backup or drill failed; it is repeated");
                    now + RETRY
                }
            };
            while OffsetDateTime::now_utc() < pause {
                thread::sleep(CLOCK_CHECK);
            }
        }
    }

    /// Does the next task, if one is due.
    fn do_next(&self, now: OffsetDateTime) -> Result<Option<()>, Failure> {
        if !self.has_schema()? {
            thread::sleep(SCHEMA_CHECK);
            return Ok(Some(()));
        }
        let Some(task) = schedule::due(&self.schedule, now, self.done()?) else {
            return Ok(None);
        };
        match task {
            Task::FullBackup => self.back_up(BackupKind::Full),
            Task::IncrementalBackup => self.back_up(BackupKind::Incremental),
            Task::Drill => self.drill(),
        }
        .map(Some)
    }

    fn done(&self) -> Result<Done, Failure> {
        let backups = repository::info(&self.program, self.source.waits())?.backups;
        let finished = |only_full: bool| {
            let kinds = backups.iter().filter(|it| !only_full || it.kind == BackupType::Full);
            kinds.map(|it| it.timestamp.stop).max()
        };
        Ok(Done {
            full_backup: finished(true),
            backup: finished(false),
            drill: DrillResult::read(&self.data_dir).map(|it| it.time),
        })
    }

    /// Whether there is anything to back up: another process creates the tables.
    fn has_schema(&self) -> Result<bool, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut connection = migrations::connect(&self.source.options).await?;
            let has_schema = archiving::has_schema(&mut connection).await?;
            connection.close().await?;
            Ok(has_schema)
        })
    }

    fn back_up(&self, kind: BackupKind) -> Result<(), Failure> {
        let line = backup::back_up(&self.program, &self.source, &self.data_dir, kind)?;
        tracing::info!("{line}");
        Ok(())
    }

    fn drill(&self) -> Result<(), Failure> {
        let home = &self.data_dir;
        let waits = self.source.waits();
        let (result, findings) = drill::perform(&self.program, &self.settings, home, home, waits)?;
        let DrillResult { backup, rto_seconds, rpo_seconds, .. } = result;
        if findings.errors.is_empty() {
            tracing::info!(backup, rto_seconds, rpo_seconds, "the drill passed");
        } else {
            let errors = findings.errors.join("; ");
            tracing::error!(backup, errors, "the drill failed");
        }
        Ok(())
    }
}
