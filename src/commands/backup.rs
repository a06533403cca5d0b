//! `minitwit backup`: makes, lists or checks backups.

use std::{path::Path, time::Instant};

use embedded_postgres::StoppedData;
use pgbackrest::{Backup, BackupKind, BackupType, Info, PgBackRest};
use time::OffsetDateTime;

use super::{
    Failure,
    database::{self, Source},
    format::size,
    logical,
    moderation::format_time,
    note, repository, start_logs,
    stop::Stop,
    waits::Waits,
};
use crate::config::BackupArgs;

pub(super) fn run(settings: &BackupArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    if let Some(file) = &settings.logical {
        return logical::dump(&settings.database, file, stop);
    }
    let waits = &Waits::new(&settings.database, stop);
    let directory = database::data_dir(&settings.database)?;
    let program = repository::required(&directory, &settings.database, &settings.repository)?;
    if settings.list {
        return list(&repository::info(&program, waits)?);
    }
    if settings.verify {
        let what = "the check of the repository";
        println!("{}", repository::run(&program, what, None, waits, PgBackRest::verify)?);
        return Ok(());
    }
    if !StoppedData::has_cluster(&directory)? {
        return Err(format!("there is no database in {}", directory.display()).into());
    }
    repository::warn_if_unencrypted(&program)?;
    let source = Source::join(&settings.database, stop)?;
    let result = back_up(&program, &source, &directory, kind(settings));
    source.close();
    println!("{}", result?);
    Ok(())
}

fn kind(settings: &BackupArgs) -> BackupKind {
    match (settings.full, settings.differential) {
        (true, _) => BackupKind::Full,
        (false, true) => BackupKind::Differential,
        (false, false) => BackupKind::Incremental,
    }
}

/// Makes a backup of the running database. Returns a line with its name and sizes. The first backup is a
/// full one.
pub(super) fn back_up(
    program: &PgBackRest,
    source: &Source,
    data_dir: &Path,
    kind: BackupKind,
) -> Result<String, Failure> {
    let begun = Instant::now();
    note::write(source, &data_dir.join("postgres"))?;
    let socket = source.socket().ok_or("the embedded PostgreSQL has no socket")?;
    let waits = source.waits();
    let limit = Some(waits.start_limit());
    repository::run(program, "the backup repository", limit, waits, |it| it.create_stanza(socket))?;
    let is_first = repository::info(program, waits)?.backups.is_empty();
    let kind = if is_first { BackupKind::Full } else { kind };
    repository::run(program, "the backup", None, waits, |it| it.backup(kind, socket))?;
    let info = repository::info(program, waits)?;
    let newest = info.newest().ok_or("the backup is missing in the repository")?;
    Ok(format!(
        "backed up {} ({}): {}, of which {} are new in the repository, in {:.1} s",
        newest.label,
        name(newest.kind),
        size(newest.sizes.size),
        size(newest.sizes.repository.delta),
        begun.elapsed().as_secs_f64(),
    ))
}

fn list(info: &Info) -> Result<(), Failure> {
    println!(
        "{:<36} {:<12} {:>8} {:<20} {:>10} {:>10}",
        "name", "type", "timeline", "finished", "data", "stored"
    );
    for backup in &info.backups {
        println!("{}", line(backup)?);
    }
    match (info.backups.first(), &info.wal) {
        (Some(first), Some((_, last))) => {
            let first = format_time(OffsetDateTime::from_unix_timestamp(first.timestamp.stop)?)?;
            println!("any time from {first} to the end of WAL {last} can be restored");
        }
        _ => println!("no backups"),
    }
    Ok(())
}

fn line(backup: &Backup) -> Result<String, Failure> {
    let finished = format_time(OffsetDateTime::from_unix_timestamp(backup.timestamp.stop)?)?;
    let error = if backup.error { " damaged pages" } else { "" };
    Ok(format!(
        "{:<36} {:<12} {:>8} {finished:<20} {:>10} {:>10}{error}",
        backup.label,
        name(backup.kind),
        backup.timeline().unwrap_or_default(),
        size(backup.sizes.size),
        size(backup.sizes.repository.delta),
    ))
}

fn name(kind: BackupType) -> &'static str {
    match kind {
        BackupType::Full => "full",
        BackupType::Differential => "differential",
        BackupType::Incremental => "incremental",
    }
}
