//! `minitwit restore FILE`: restores the database from a file of `minitwit backup --logical`.

use std::{fs, path::Path, time::Instant};

use embedded_postgres::{Data, Settings, StoppedData};
use pgbackrest::PgBackRest;

use super::{
    Failure,
    database::{self, DATABASE, Source},
    logical,
    replacement::replace,
    repository,
    stop::Stop,
    waits::Waits,
};
use crate::{
    config::{DatabaseArgs, RestoreArgs},
    db::{Connection, PgConnectOptions, archiving},
};

/// The data directory in which the embedded PostgreSQL loads the file.
const SCRATCH: &str = "restore";

pub(super) fn run(settings: &RestoreArgs, file: &Path, stop: &Stop) -> Result<(), Failure> {
    // pg_restore would report a missing file only after the cluster is made.
    let file = file.canonicalize().map_err(|error| format!("{}: {error}", file.display()))?;
    if settings.database.is_embedded() {
        into_embedded(settings, &file, &Waits::new(&settings.database, stop))
    } else {
        into_given(&settings.database, &file, stop)
    }
}

/// Loads the file into a new cluster, which then takes the place of the old one.
fn into_embedded(settings: &RestoreArgs, file: &Path, waits: &Waits) -> Result<(), Failure> {
    let begun = Instant::now();
    let database = &settings.database;
    let target = settings.target_dir.clone().map_or_else(|| database::data_dir(database), Ok)?;
    let directory = std::path::absolute(target)?;
    let user = database.postgres_user.as_deref();
    let mut program = None;
    let replaced = replace(&directory, user, settings.yes, |new| {
        let scratch = directory.join(SCRATCH);
        if scratch.exists() {
            // A killed restore leaves it, and its server may still run.
            drop(StoppedData::lock(&scratch, user)?);
            fs::remove_dir_all(&scratch)?;
        }
        load(&scratch, database, file, waits)?;
        program = announce(settings, &directory)?;
        fs::remove_dir(new)?;
        fs::rename(scratch.join("postgres"), new)?;
        Ok(fs::remove_dir_all(&scratch)?)
    })?;
    if let Some(program) = program {
        adopt(&program, database, &directory, waits)?;
    }
    println!("restored {} in {:.1} s", directory.display(), begun.elapsed().as_secs_f64());
    if let Some(kept) = &replaced.kept {
        println!("the old data is in {}; delete it when you no longer need it", kept.display());
    }
    Ok(())
}

fn load(
    scratch: &Path,
    settings: &DatabaseArgs,
    file: &Path,
    waits: &Waits,
) -> Result<(), Failure> {
    let server = database::start(
        waits,
        Settings {
            postgres_bin: settings.postgres_bin.clone(),
            postgres_user: settings.postgres_user.clone(),
            ..Settings::new(Data::Directory(scratch.to_owned()))
        },
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(server.create_database(DATABASE))?;
    let result = restore_into(settings, &server.connect_options(DATABASE), file, waits);
    server.stop();
    result
}

fn restore_into(
    settings: &DatabaseArgs,
    options: &PgConnectOptions,
    file: &Path,
    waits: &Waits,
) -> Result<(), Failure> {
    let mut command = logical::client("pg_restore", settings, options)?;
    command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]);
    command.arg("--dbname").arg(options.get_database().unwrap_or(DATABASE)).arg(file);
    logical::run(command, "pg_restore", waits)
}

/// The repository of the data directory, after a note that its cluster is about to be replaced: if this
/// process is killed, the next start makes the new cluster known to it. `None` for a copy, which archives
/// nothing.
fn announce(settings: &RestoreArgs, directory: &Path) -> Result<Option<PgBackRest>, Failure> {
    if settings.target_dir.is_some() {
        return Ok(None);
    }
    let database = &settings.database;
    let program = if settings.repository.is_given() {
        Some(repository::required(directory, database, &settings.repository)?)
    } else {
        repository::configured(directory, database.postgres_user.as_deref())?
    };
    if program.is_some() {
        repository::announce_new_cluster(directory)?;
    }
    Ok(program)
}

/// Makes the new cluster the current one of the repository.
fn adopt(
    program: &PgBackRest,
    database: &DatabaseArgs,
    directory: &Path,
    waits: &Waits,
) -> Result<(), Failure> {
    let server = database::start(
        waits,
        Settings {
            postgres_bin: database.postgres_bin.clone(),
            postgres_user: database.postgres_user.clone(),
            ..Settings::new(Data::Directory(directory.to_owned()))
        },
    )?;
    let limit = Some(waits.start_limit());
    let result = repository::run(program, "the backup repository", limit, waits, |program| {
        match program.upgrade_stanza(server.socket_directory()) {
            // There is no stanza to upgrade yet.
            Err(_) => program.create_stanza(server.socket_directory()),
            Ok(()) => Ok(()),
        }
    });
    server.stop();
    result?;
    println!(
        "earlier backups are of the former database; make one of this with `minitwit backup --full`"
    );
    Ok(())
}

/// Loads the file into the database of `--database-url`, which must have no tables of MiniTwit.
fn into_given(settings: &DatabaseArgs, file: &Path, stop: &Stop) -> Result<(), Failure> {
    let source = Source::join(settings, stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let has_schema = runtime.block_on(async {
        let mut connection = source.connect().await?;
        let has_schema = archiving::has_schema(&mut connection).await?;
        connection.close().await?;
        Ok::<_, Failure>(has_schema)
    })?;
    if has_schema {
        return Err(format!("{source} has tables already; restore into an empty database").into());
    }
    restore_into(settings, &source.options, file, source.waits())?;
    println!("restored {source}");
    Ok(())
}
