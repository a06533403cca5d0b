//! Creates a cluster with `initdb`.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Stdio,
    time::Duration,
};

use child_process::Cancel;

use crate::{
    binaries::Binaries, data_directory::DataDirectory, directories::make_temporary, error::Error,
    os_user::OsUser, process::poll_until,
};

/// The only role of the server.
pub(crate) const SUPERUSER: &str = "minitwit";

pub(crate) const UNFINISHED_PREFIX: &str = "postgres.new-";

/// UTF-8, independent of the environment. macOS has no locale C.UTF-8, but a character type UTF-8.
const LOCALE: &[&str] = if cfg!(target_os = "macos") {
    &["--locale=C", "--lc-ctype=UTF-8"]
} else {
    &["--locale=C.UTF-8"]
};

/// The major version of the cluster in `pgdata`; `None` if there is no cluster yet. Returns
/// [`Error::NotACluster`] if the directory holds something else.
pub(crate) fn major_version(pgdata: &Path) -> Result<Option<u32>, Error> {
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

/// Creates a cluster under a temporary name and renames it once it is complete and on disk. A
/// directory with the final name is therefore complete even after `kill -9` or a power failure.
pub(crate) fn create(
    data: &DataDirectory,
    binaries: &Binaries,
    os_user: &OsUser,
    cancel: &Cancel,
) -> Result<(), Error> {
    let parent = data.path();
    remove_unfinished(parent);
    let unfinished = make_temporary(parent, UNFINISHED_PREFIX)?;
    os_user.make_owner_of(unfinished.path())?;

    initdb(data, binaries, os_user, unfinished.path(), cancel)?;

    fs::rename(unfinished.path(), data.pgdata()).map_err(Error::io("rename", unfinished.path()))?;
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(Error::io("sync", parent))?;
    // The directory is no longer temporary and must not be removed.
    let _ = unfinished.keep();
    Ok(())
}

/// Runs `initdb`. Every cluster has the same encoding, locale and superuser, which `pg_upgrade` requires.
pub(crate) fn initdb(
    data: &DataDirectory,
    binaries: &Binaries,
    os_user: &OsUser,
    pgdata: &Path,
    cancel: &Cancel,
) -> Result<(), Error> {
    let initdb = binaries.initdb();
    let mut command = os_user.command(&initdb, data.path());
    command.arg("-D").arg(pgdata).args(["-E", "UTF8", "-U", SUPERUSER]).args(LOCALE);
    // There are no passwords: only this account can enter the socket's directory.
    command.args(["--auth-local=trust", "--auth-host=reject", "--data-checksums"]);
    if data.is_ephemeral() {
        command.arg("--no-sync");
    }
    command.stderr(Stdio::piped());
    command.stdout(Stdio::null());
    let output = child_process::output(&mut command, cancel).map_err(Error::io("run", &initdb))?;
    let output = output.ok_or(Error::Cancelled)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Initdb { status: output.status, output: text })
}

/// How long the processes of an interrupted `initdb` may still write while they end.
const INITDB_END: Duration = Duration::from_secs(5);

/// Removes unfinished clusters of interrupted runs. A failure is harmless, since their names are not
/// used again.
pub(crate) fn remove_unfinished(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED_PREFIX.as_bytes()) {
            let path = entry.path();
            let path = path.display();
            if poll_until(INITDB_END, || {
                fs::remove_dir_all(entry.path()).is_ok() || !entry.path().exists()
            }) {
                tracing::info!(%path, "removed an unfinished cluster");
            } else {
                tracing::warn!(%path, "cannot remove an unfinished cluster");
            }
        }
    }
}
