//! The cluster: the files that `initdb` makes once and PostgreSQL keeps.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Stdio,
};

use nix::sys::signal::Signal;

use super::{
    SUPERUSER,
    binaries::Binaries,
    data_directory::{DataDirectory, make_temporary},
    error::Error,
    os_user::OsUser,
    postmaster::die_with_this_thread,
};

/// How the names of clusters in the making begin.
const UNFINISHED_PREFIX: &str = "postgres.new-";

/// UTF-8 whatever the environment says. macOS has no locale C.UTF-8, but one for its characters.
const LOCALE: &[&str] = if cfg!(target_os = "macos") {
    &["--locale=C", "--lc-ctype=UTF-8"]
} else {
    &["--locale=C.UTF-8"]
};

/// The major version of the cluster in `pgdata`; `None` if there is no cluster yet.
///
/// # Errors
/// [`Error::NotACluster`] if the directory holds something else.
pub(super) fn major_version(pgdata: &Path) -> Result<Option<u32>, Error> {
    let mut entries = match fs::read_dir(pgdata) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", pgdata)(error)),
    };
    if entries.next().is_none() {
        return Ok(None);
    }
    let version = fs::read_to_string(pgdata.join("PG_VERSION")).ok();
    let major = version.and_then(|text| text.trim().parse().ok());
    major.map(Some).ok_or_else(|| Error::NotACluster(pgdata.to_owned()))
}

/// Makes a cluster. It gets its name only when it is complete and on disk, so that whatever bears
/// the name is whole, even after `kill -9` or a power failure.
pub(super) fn create(
    data: &DataDirectory,
    binaries: &Binaries,
    os_user: &OsUser,
) -> Result<(), Error> {
    let parent = data.path();
    remove_unfinished(parent);
    let unfinished = make_temporary(parent, UNFINISHED_PREFIX)?;
    os_user.give(unfinished.path())?;

    run_initdb(data, binaries, os_user, unfinished.path())?;

    fs::rename(unfinished.path(), data.pgdata())
        .map_err(Error::io("give its name to", unfinished.path()))?;
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(Error::io("write to disk", parent))?;
    // Under its new name it is to stay.
    let _ = unfinished.keep();
    Ok(())
}

fn run_initdb(
    data: &DataDirectory,
    binaries: &Binaries,
    os_user: &OsUser,
    pgdata: &Path,
) -> Result<(), Error> {
    let initdb = binaries.initdb();
    let mut command = os_user.command(&initdb, data.path());
    command.arg("-D").arg(pgdata).args(["-E", "UTF8", "-U", SUPERUSER]).args(LOCALE);
    // Whoever reaches the socket may connect: its directory is private.
    command.args(["--auth-local=trust", "--auth-host=reject", "--data-checksums"]);
    if data.is_ephemeral() {
        command.arg("--no-sync");
    }
    command.stderr(Stdio::piped());
    die_with_this_thread(&mut command, Signal::SIGTERM);
    let output = command.output().map_err(Error::io("run", &initdb))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Initdb { status: output.status, output: text })
}

/// Removes what interrupted runs left. Their names are never used again, so a failure does no harm.
fn remove_unfinished(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED_PREFIX.as_bytes()) {
            let path = entry.path();
            match fs::remove_dir_all(&path) {
                Ok(()) => tracing::info!(path = %path.display(), "removed a half-made cluster"),
                Err(error) => tracing::warn!(%error, "cannot remove a half-made cluster"),
            }
        }
    }
}
