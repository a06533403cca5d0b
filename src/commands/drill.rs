//! `minitwit drill`: proves that the newest backup can be restored.
//!
//! The copy has no port, archives nothing, and is removed afterwards. The result is left beside
//! pgBackRest's configuration, where the server finds it for its metrics.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use embedded_postgres::{Data, Embedded, Settings, StoppedData};
use pgbackrest::{Backup, PgBackRest, Restore, Target};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Failure,
    database::{self, DATABASE},
    moderation::format_time,
    note, repository, start_logs,
    stop::{Stop, Stopped},
    waits::Waits,
};
use crate::{
    config::{DatabaseArgs, DrillArgs},
    db::{
        Connection, PgConnection, archiving,
        backup_note::{self, Difference, NotedTable},
        integrity, migrations,
    },
};

/// The directory of the copy in the scratch directory.
const SCRATCH: &str = "minitwit-drill";
/// The most keys that a line of the report lists.
const LISTED: usize = 20;

/// The result of the last drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DrillResult {
    /// When it ended, in seconds of Unix time.
    pub(super) time: i64,
    /// Whether it found no error.
    pub(super) passed: bool,
    /// The restored backup.
    pub(super) backup: String,
    /// The seconds until the copy accepted connections.
    pub(super) rto_seconds: f64,
    /// The seconds between the last transaction in the copy and the begin of the drill.
    pub(super) rpo_seconds: Option<f64>,
}

impl DrillResult {
    /// The result that an earlier drill left; `None` if there is none.
    pub(super) fn read(data_dir: &Path) -> Option<Self> {
        let text = fs::read(repository::drill_file(data_dir)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn write(&self, data_dir: &Path) -> Result<(), Failure> {
        let file = repository::drill_file(data_dir);
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        Ok(fs::rename(new, file)?)
    }
}

/// What was found in the copy.
#[derive(Default)]
pub(super) struct Findings {
    lines: Vec<String>,
    pub(super) errors: Vec<String>,
    last_transaction: Option<OffsetDateTime>,
}

pub(super) fn run(settings: &DrillArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let waits = &Waits::new(&settings.database, stop);
    let home = database::data_dir(&settings.database)?;
    let program = repository::required(&home, &settings.database, &settings.repository)?;
    let base = settings.scratch_dir.as_deref().unwrap_or(&home);
    let (result, findings) = perform(&program, &settings.database, &home, base, waits)?;
    report(&result, &findings)
}

/// Drills in a directory below `base`. Records the result in the data directory `home`.
pub(super) fn perform(
    program: &PgBackRest,
    settings: &DatabaseArgs,
    home: &Path,
    base: &Path,
    waits: &Waits,
) -> Result<(DrillResult, Findings), Failure> {
    let info = repository::backups(program, waits)?;
    let newest = info.newest().ok_or("the backup repository has no backups")?;
    let scratch = Scratch::open(&base.join(SCRATCH), settings)?;
    let (begun_at, begun) = (OffsetDateTime::now_utc(), Instant::now());
    let outcome = drill(program, newest, &scratch, home, begun, waits);
    drop(scratch);
    if waits.stop().requested().is_some() && outcome.is_err() {
        // The drill proved nothing.
        return Err(Stopped.into());
    }
    let (findings, rto_seconds) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let errors = vec![crate::telemetry::request::with_causes(error.as_ref())];
            (Findings { errors, ..Findings::default() }, begun.elapsed().as_secs_f64())
        }
    };
    let rpo = findings.last_transaction.map(|last| (begun_at - last).as_seconds_f64().max(0.0));
    let result = DrillResult {
        time: OffsetDateTime::now_utc().unix_timestamp(),
        passed: findings.errors.is_empty(),
        backup: newest.label.clone(),
        rto_seconds,
        rpo_seconds: rpo,
    };
    result.write(home)?;
    Ok((result, findings))
}

/// The data directory of the copy, removed when dropped.
struct Scratch<'a> {
    path: PathBuf,
    settings: &'a DatabaseArgs,
}

impl<'a> Scratch<'a> {
    fn open(path: &Path, settings: &'a DatabaseArgs) -> Result<Self, Failure> {
        let data = StoppedData::lock(path, settings.postgres_user.as_deref())?;
        let path = data.path().to_owned();
        if data.pgdata().exists() {
            // A killed drill leaves it.
            fs::remove_dir_all(data.pgdata())?;
        }
        Ok(Self { path, settings })
    }

    /// Restores a backup, and starts a server on it, which replays the archived WAL.
    fn restore(
        &self,
        program: &PgBackRest,
        backup: &Backup,
        waits: &Waits,
    ) -> Result<Embedded, Failure> {
        let data = StoppedData::lock(&self.path, self.settings.postgres_user.as_deref())?;
        let new = data.make_new_cluster()?;
        let restore = Restore {
            directory: new.clone(),
            set: Some(backup.label.clone()),
            target: Target::Latest,
            timeline: None,
        };
        repository::run(program, "the copy of the backup", None, waits, |it| it.restore(&restore))?;
        data.replace_cluster(&new, "")?;
        let restore_command = program.restore_command(&data.pgdata());
        drop(data);
        database::start(
            waits,
            Settings {
                restore_command: Some(restore_command),
                postgres_bin: self.settings.postgres_bin.clone(),
                postgres_user: self.settings.postgres_user.clone(),
                ..Settings::new(Data::Directory(self.path.clone()))
            },
        )
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the copy of the drill");
        }
    }
}

/// Restores and checks the copy. Returns what was found, and the seconds until the copy was ready.
fn drill(
    program: &PgBackRest,
    backup: &Backup,
    scratch: &Scratch<'_>,
    home: &Path,
    begun: Instant,
    waits: &Waits,
) -> Result<(Findings, f64), Failure> {
    let server = scratch.restore(program, backup, waits)?;
    let ready = begun.elapsed().as_secs_f64();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(async {
        let options = server.connect_options(DATABASE);
        let mut connection = database::connect(waits, &options, "copy", Into::into).await?;
        let pgdata = scratch.path.join("postgres");
        let check = check(&mut connection, &pgdata, home);
        let findings = waits.stop().interrupt(check).await?;
        connection.close().await?;
        Ok::<_, Failure>(findings)
    });
    server.stop();
    Ok((findings?, ready))
}

async fn check(
    connection: &mut PgConnection,
    pgdata: &Path,
    home: &Path,
) -> Result<Findings, Failure> {
    let mut findings = Findings {
        last_transaction: archiving::last_replayed(connection).await?,
        ..Findings::default()
    };
    match note::read(pgdata)? {
        None => findings.errors.push("the backup has no note of its rows".to_owned()),
        Some(note) => {
            for (table, difference) in note::compare(connection, pgdata, &note).await? {
                describe(table, &difference, &mut findings);
                find_lost(table, &difference, home, &mut findings).await?;
            }
        }
    }
    let indexes = integrity::check_indexes(connection).await?;
    findings.errors.extend(integrity::check_tables(connection).await?);
    let constraints = integrity::check_constraints(connection).await?;
    findings.lines.push(format!("checked {indexes} indexes and {constraints} constraints"));
    Ok(findings)
}

fn describe(table: NotedTable, difference: &Difference, findings: &mut Findings) {
    let Difference { noted, missing, missing_rows, changed, changed_keys, damaged_keys } =
        difference;
    let name = table.name;
    if *noted > 0 {
        let mut line =
            format!("{name}: {noted} rows noted before the backup, {missing} deleted since");
        if !missing_rows.is_empty() {
            let keys = missing_rows.iter().map(|row| row.key.as_str());
            line.push_str(&format!(": {}", listed(keys)));
        }
        if !changed_keys.is_empty() {
            let keys = listed(changed_keys.iter().map(String::as_str));
            line.push_str(&format!("; {changed} changed since: {keys}"));
        }
        findings.lines.push(line);
    }
    if !damaged_keys.is_empty() {
        let keys = listed(damaged_keys.iter().map(String::as_str));
        findings.errors.push(format!("{name}: rows differ from the note: {keys}"));
    }
}

fn listed<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = if keys.len() > LISTED { ", …" } else { "" };
    format!("{}{more}", keys.take(LISTED).collect::<Vec<_>>().join(", "))
}

/// Adds an error for rows that the running database has and the copy lacks, so no deletion explains them.
async fn find_lost(
    table: NotedTable,
    difference: &Difference,
    home: &Path,
    findings: &mut Findings,
) -> Result<(), Failure> {
    if difference.missing_rows.is_empty() {
        return Ok(());
    }
    let Some(options) = embedded_postgres::running(home, DATABASE) else { return Ok(()) };
    let mut connection = migrations::connect(&options).await?;
    let lost = backup_note::existing(&mut connection, table, &difference.missing_rows).await?;
    connection.close().await?;
    if !lost.is_empty() {
        let keys = listed(lost.iter().map(String::as_str));
        findings.errors.push(format!("{}: rows are lost in the copy: {keys}", table.name));
    }
    Ok(())
}

fn report(result: &DrillResult, findings: &Findings) -> Result<(), Failure> {
    let DrillResult { backup, rto_seconds, rpo_seconds, .. } = result;
    println!("restored {backup}; it was ready after {rto_seconds:.1} s (RTO)");
    if let (Some(last), Some(rpo)) = (findings.last_transaction, rpo_seconds) {
        let last = format_time(last)?;
        println!("the last transaction is of {last}, {rpo:.1} s before the drill (RPO)");
    }
    for line in &findings.lines {
        println!("{line}");
    }
    if findings.errors.is_empty() {
        println!("the drill passed");
        return Ok(());
    }
    Err(format!("the drill failed: {}", findings.errors.join("; ")).into())
}
