//! Logical backups: one file of pg_dump, which needs no repository.

use std::{
    env, fs,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use super::{
    Failure, connect,
    database::{self, Source},
    format::size,
    stop::{Stop, Stopped},
    waits::Waits,
};
use crate::{
    config::DatabaseArgs,
    db::{Connection as _, PgConnectOptions},
};

/// Writes a dump of the database to `file`, which must not exist. A failed dump leaves no such file.
pub(super) fn dump(settings: &DatabaseArgs, file: &Path, stop: &Stop) -> Result<(), Failure> {
    let begun = Instant::now();
    if file.exists() {
        return Err(format!("{} exists already", file.display()).into());
    }
    let new = temporary(file);
    let source = Source::existing(settings, stop)?;
    let result = dump_to(settings, &source, &new);
    source.close();
    if let Err(error) = result {
        // It may not exist.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    fs::rename(&new, file)?;
    let bytes = fs::metadata(file)?.len();
    let seconds = begun.elapsed().as_secs_f64();
    println!("backed up to {}: {} in {seconds:.1} s", file.display(), size(bytes));
    Ok(())
}

fn dump_to(settings: &DatabaseArgs, source: &Source, file: &Path) -> Result<(), Failure> {
    reach(source)?;
    let output = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let output = output.map_err(|error| format!("cannot create {}: {error}", file.display()))?;
    let mut command = client("pg_dump", settings, &source.options)?;
    command.args(["--format=custom", "--no-owner", "--no-privileges"]);
    let limit = source.waits().start_limit().time.as_millis();
    command.arg(format!("--lock-wait-timeout={limit}"));
    command.stdout(output.try_clone()?);
    run(command, "pg_dump", source.waits())?;
    output.sync_all()?;
    // A dump whose contents cannot be listed cannot be restored.
    let mut command = client("pg_restore", settings, &source.options)?;
    command.arg("--list").arg(file);
    run(command, "pg_restore --list", source.waits())
}

/// Returns an error if the database cannot be reached, which its programs would wait for in silence.
fn reach(source: &Source) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(source.connect().await?.close().await?) })
}

/// A path beside `file` on the same file system.
fn temporary(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".incomplete");
    file.with_file_name(name)
}

/// A client program of PostgreSQL, connected to the database by variables: other users of the machine
/// could read a password in its arguments.
pub(super) fn client(
    name: &str,
    settings: &DatabaseArgs,
    options: &PgConnectOptions,
) -> Result<Command, Failure> {
    let directory = if settings.is_embedded() { Some(database::data_dir(settings)?) } else { None };
    let bin = settings.postgres_bin.as_deref();
    let program =
        embedded_postgres::program(name, bin, directory.as_deref().filter(|it| it.exists()))?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if settings.is_embedded() {
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    }
    match options.get_socket() {
        Some(socket) => command.env("PGHOST", socket),
        None => command.env("PGHOST", options.get_host()),
    };
    command.env("PGCONNECT_TIMEOUT", settings.connect_timeout.as_secs().to_string());
    command.env("PGPORT", options.get_port().to_string());
    command.env("PGUSER", options.get_username());
    command.env("PGDATABASE", options.get_database().unwrap_or(options.get_username()));
    if let Some(url) = &settings.database_url {
        let password = settings.database_password_file.as_ref().or(url.password());
        command.envs(password.map(|it| ("PGPASSWORD", it.expose())));
        command.envs(options.get_options().map(|it| ("PGOPTIONS", it)));
        command.envs(connect::tls_variables(url));
    }
    Ok(command)
}

/// Runs a program, which a stop signal ends. The error contains its error output.
pub(super) fn run(mut command: Command, name: &str, waits: &Waits) -> Result<(), Failure> {
    let output = waits.block(name, None, |cancel| {
        let output = child_process::output(&mut command, cancel);
        output.map_err(|error| Failure::from(format!("cannot run {name}: {error}")))
    })?;
    let output = output.ok_or(Stopped)?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{name} failed ({}): {errors}", output.status).into())
}
