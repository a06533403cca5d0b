//! `minitwit restore`: restores the database from the backup repository.
//!
//! The files of the backup go into a new directory, which then takes the place of the old cluster at
//! once. The replay of WAL follows in place, so that the server archives its new timeline. If the
//! replay fails, the old cluster is put back.

use std::{path::Path, time::Instant};

use embedded_postgres::{Data, Settings, StoppedData};
use pgbackrest::{BackupKind, Info, PgBackRest, Restore, Target};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{
    Failure,
    database::{self, DATABASE, Source},
    moderation::format_time,
    replacement::{Replaced, replace},
    repository, restore_logical, restored_copy, start_logs,
    stop::Stop,
    waits::Waits,
};
use crate::{
    config::{DatabaseArgs, RestoreArgs},
    db::{Connection, PgConnectOptions, archiving},
};

/// A time as PostgreSQL reads it.
const POSTGRES_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]+00");
/// PostgreSQL's message if the archive ends before the target.
const TARGET_NOT_REACHED: &str = "recovery ended before configured recovery target was reached";
/// PostgreSQL's message if a backup belongs to a timeline that an earlier restore has left.
const OTHER_TIMELINE: &str = "is not a child of this server's history";

/// A restore failed after the cluster was replaced.
#[derive(Debug, thiserror::Error)]
#[error("the restored database does not start{hint}; {outcome}")]
struct NotStarted {
    hint: &'static str,
    outcome: String,
    source: Failure,
}

pub(super) fn run(settings: &RestoreArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    if let Some(file) = &settings.file {
        return restore_logical::run(settings, file, stop);
    }
    let begun = Instant::now();
    let waits = &Waits::new(&settings.database, stop);
    let home = database::data_dir(&settings.database)?;
    let program = repository::required(&home, &settings.database, &settings.repository)?;
    let plan = plan(settings, &repository::backups(&program, waits)?)?;
    let is_copy = settings.target_dir.is_some();
    let target = settings.target_dir.as_deref().unwrap_or(&home);
    let user = settings.database.postgres_user.as_deref();
    let replaced = replace(target, user, settings.yes, |new| {
        let restore = plan.restore(new);
        let what = "the copy of the backup";
        repository::run(&program, what, None, waits, |it| it.restore(&restore))?;
        if is_copy { restored_copy::mark(new) } else { Ok(()) }
    })?;
    let database = &settings.database;
    let state = if is_copy {
        repository::forget(target)?;
        recover_copy(&program, target, database, waits)
    } else {
        recover(&program, database, stop)
    };
    let state = match state {
        Ok(state) => state,
        Err(error) => return Err(put_back(&replaced, user, error)),
    };
    report(&replaced, state, begun)
}

/// Which backup to restore, and how far to replay.
struct Plan {
    set: String,
    target: Target,
    timeline: Option<u32>,
}

impl Plan {
    fn restore(&self, directory: &Path) -> Restore {
        Restore {
            directory: directory.to_owned(),
            set: Some(self.set.clone()),
            target: self.target.clone(),
            timeline: self.timeline,
        }
    }
}

fn plan(settings: &RestoreArgs, info: &Info) -> Result<Plan, Failure> {
    let newest = info.newest().ok_or("the backup repository has no backups")?;
    let (set, target) = match (settings.to, &settings.set) {
        (Some(time), _) => {
            let backup = info.newest_until(time.unix_timestamp());
            let backup = backup.ok_or_else(|| too_early(info))?;
            (backup.label.clone(), Target::Time(postgres_time(time)?))
        }
        (None, Some(name)) => {
            if !info.backups.iter().any(|backup| backup.label == *name) {
                return Err(format!("--set: there is no backup {name}").into());
            }
            (name.clone(), Target::Immediate)
        }
        (None, None) => (newest.label.clone(), Target::Latest),
    };
    Ok(Plan { set, target, timeline: settings.timeline })
}

fn too_early(info: &Info) -> Failure {
    let oldest = info.backups.first().map(|backup| backup.timestamp.stop).unwrap_or_default();
    let oldest = OffsetDateTime::from_unix_timestamp(oldest).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    match format_time(oldest) {
        Ok(text) => format!("--to: the earliest time that can be restored is {text}").into(),
        Err(error) => error,
    }
}

fn postgres_time(time: OffsetDateTime) -> Result<String, Failure> {
    Ok(time.to_offset(time::UtcOffset::UTC).format(POSTGRES_TIME)?)
}

/// Puts the old cluster back after `error`. Returns the error with what was done.
fn put_back(replaced: &Replaced, postgres_user: Option<&str>, error: Failure) -> Failure {
    let text = error.to_string();
    let hint = if text.contains(TARGET_NOT_REACHED) {
        ": no transaction after that time is archived; restore without --to"
    } else if text.contains(OTHER_TIMELINE) {
        ": an earlier restore left the timeline of that backup; add --timeline with its number from \
         `minitwit backup --list`"
    } else {
        ""
    };
    let outcome = match &replaced.kept {
        None => format!("the restored files are in {}", replaced.directory.display()),
        Some(kept) => {
            let put_back = StoppedData::lock(&replaced.directory, postgres_user)
                .and_then(|data| data.put_back(kept, &replaced.suffix));
            match put_back {
                Ok(failed) => {
                    format!("the old data is in place again, the failed in {}", failed.display())
                }
                Err(cause) => format!("the old data is in {} ({cause})", kept.display()),
            }
        }
    };
    NotStarted { hint, outcome, source: error }.into()
}

/// Replays WAL in place, then makes a backup of the new timeline. Returns the time of the last
/// transaction.
fn recover(
    program: &PgBackRest,
    settings: &DatabaseArgs,
    stop: &Stop,
) -> Result<Option<OffsetDateTime>, Failure> {
    let source = Source::open(settings, 2, stop)?;
    let waits = source.waits();
    let state = last_transaction(&source.options, waits);
    // Restores of later times begin here; those from earlier backups would follow the old timeline.
    let backed_up = match source.socket() {
        Some(socket) => repository::run(program, "the backup", None, waits, |program| {
            program.backup(BackupKind::Incremental, socket)
        }),
        None => Ok(()),
    };
    if let Err(error) = backed_up {
        tracing::error!(
            error,
            "the database is restored, but its backup failed; run `minitwit backup`"
        );
    }
    source.close();
    state
}

/// Replays WAL in a copy, which archives nothing.
fn recover_copy(
    program: &PgBackRest,
    directory: &Path,
    settings: &DatabaseArgs,
    waits: &Waits,
) -> Result<Option<OffsetDateTime>, Failure> {
    let directory = std::path::absolute(directory)?;
    let server = database::start(
        waits,
        Settings {
            restore_command: Some(program.restore_command(&directory.join("postgres"))),
            postgres_bin: settings.postgres_bin.clone(),
            postgres_user: settings.postgres_user.clone(),
            ..Settings::new(Data::Directory(directory))
        },
    )?;
    let state = last_transaction(&server.connect_options(DATABASE), waits);
    server.stop();
    state
}

fn last_transaction(
    options: &PgConnectOptions,
    waits: &Waits,
) -> Result<Option<OffsetDateTime>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let place = "restored database";
        let mut connection = database::connect(waits, options, place, Into::into).await?;
        let last = archiving::last_replayed(&mut connection).await?;
        connection.close().await?;
        Ok(last)
    })
}

fn report(
    replaced: &Replaced,
    state: Option<OffsetDateTime>,
    begun: Instant,
) -> Result<(), Failure> {
    let seconds = begun.elapsed().as_secs_f64();
    let directory = replaced.directory.display();
    match state {
        Some(time) => {
            let time = format_time(time)?;
            println!("restored {directory} in {seconds:.1} s; its last transaction is of {time}");
        }
        None => {
            println!("restored {directory} in {seconds:.1} s, as it was at the end of the backup")
        }
    }
    if let Some(kept) = &replaced.kept {
        println!("the old data is in {}; delete it when you no longer need it", kept.display());
    }
    Ok(())
}
