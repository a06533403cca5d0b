//! The data directory: `lock`, `postgres/` (the cluster) and `run/` (the socket). It is held by
//! one instance at a time.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use nix::unistd::{Gid, Uid, geteuid};
use tempfile::TempDir;

use super::{
    Data,
    error::Error,
    orphan,
    os_user::{OsUser, Owner},
    socket_directory,
};

/// The directory of the socket, or a link to it, in the data directory.
pub(super) const RUN: &str = "run";

/// How the names of throw-away data directories begin.
const EPHEMERAL_PREFIX: &str = "minitwit-ephemeral-";

/// Younger throw-away directories are left alone: their owner may not have locked them yet.
const STALE_AGE: Duration = Duration::from_secs(60);

/// Where data goes if the operator names no directory: `/var/lib/minitwit` for root, else
/// `$XDG_DATA_HOME/minitwit`, else `~/.local/share/minitwit`.
///
/// # Errors
/// [`Error::NoHome`] if there is no home directory.
pub fn default_data_dir() -> Result<PathBuf, Error> {
    let xdg = env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    data_dir(geteuid().is_root(), xdg, env::home_dir()).ok_or(Error::NoHome)
}

fn data_dir(root: bool, xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    if root {
        return Some("/var/lib/minitwit".into());
    }
    // A relative value is to be ignored, says the XDG Base Directory Specification.
    let xdg = xdg.filter(|dir| dir.is_absolute());
    let home = home.filter(|dir| dir.is_absolute());
    Some(xdg.or_else(|| Some(home?.join(".local/share")))?.join("minitwit"))
}

/// A data directory that this process has locked. Dropping it frees it, and removes it if it is a
/// throw-away one.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    lock: File,
    ephemeral: Option<TempDir>,
}

impl DataDirectory {
    /// Makes and locks the directory. Returns it with the account to run PostgreSQL as, which
    /// depends on whom an existing cluster belongs to.
    pub(super) fn open(data: &Data, postgres_user: Option<&str>) -> Result<(Self, OsUser), Error> {
        match data {
            Data::Directory(path) => {
                let path = absolute(path).map_err(Error::io("find", path))?;
                let os_user = OsUser::choose(postgres_user, owner(&pgdata(&path)))?;
                make(&path, &os_user)?;
                Ok((Self::lock(path, None)?, os_user))
            }
            Data::Ephemeral => {
                let os_user = OsUser::choose(postgres_user, None)?;
                let temporary = make_ephemeral(&os_user)?;
                let path = temporary.path().to_owned();
                Ok((Self::lock(path, Some(temporary))?, os_user))
            }
        }
    }

    fn lock(path: PathBuf, ephemeral: Option<TempDir>) -> Result<Self, Error> {
        let path = path.canonicalize().map_err(Error::io("find", &path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&lock_path);
        let lock = lock.map_err(Error::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock, ephemeral }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path)),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &lock_path)(error)),
        }
    }

    /// The directory itself: absolute and without symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the cluster.
    pub(super) fn pgdata(&self) -> PathBuf {
        pgdata(&self.path)
    }

    /// The directory of the socket.
    pub(super) fn run(&self) -> PathBuf {
        run(&self.path)
    }

    /// Whether the data is thrown away at the end.
    pub(super) fn is_ephemeral(&self) -> bool {
        self.ephemeral.is_some()
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if let Some(temporary) = self.ephemeral.take()
            && let Err(error) = temporary.close()
        {
            tracing::warn!(%error, "cannot remove the throw-away data directory");
        }
        // Closing the file is not enough: a process being spawned by another thread holds a copy
        // of it until its exec.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "cannot unlock the data directory");
        }
    }
}

fn pgdata(path: &Path) -> PathBuf {
    path.join("postgres")
}

fn run(path: &Path) -> PathBuf {
    path.join(RUN)
}

fn owner(path: &Path) -> Option<Owner> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid())))
}

/// Makes the directory if it is missing; leaves nothing behind where the account could not use it.
fn make(path: &Path, os_user: &OsUser) -> Result<(), Error> {
    if let Some(existing) = path.ancestors().find(|ancestor| ancestor.exists()) {
        os_user.check_enters(existing)?;
    }
    if !path.exists() {
        let result = DirBuilder::new().recursive(true).mode(0o755).create(path);
        result.map_err(Error::io("create the directory", path))?;
        set_mode(path, os_user.entered_mode())?;
    }
    os_user.check_enters(path)
}

/// Sets the mode of a directory, which at its creation is subject to the umask.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(Error::io("set the mode of", path))
}

fn make_ephemeral(os_user: &OsUser) -> Result<TempDir, Error> {
    let base = Some(env::temp_dir()).filter(|dir| os_user.enters(dir));
    let base = base.unwrap_or_else(|| "/tmp".into());
    remove_stale(&base);
    let temporary = make_temporary(&base, EPHEMERAL_PREFIX)?;
    set_mode(temporary.path(), os_user.entered_mode())?;
    Ok(temporary)
}

/// Makes a private directory whose name begins with `prefix` and is new.
pub(super) fn make_temporary(parent: &Path, prefix: &str) -> Result<TempDir, Error> {
    // By default the umask alone would decide who may enter.
    let private = Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().prefix(prefix).permissions(private).tempdir_in(parent);
    directory.map_err(Error::io("create a directory in", parent))
}

/// Removes what throw-away servers left that were killed. Whatever goes wrong is no reason not to
/// start.
fn remove_stale(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(EPHEMERAL_PREFIX.as_bytes())
            && let Some(_lock) = lock_stale(&entry.path())
        {
            remove_one_stale(&entry.path());
        }
    }
}

fn remove_one_stale(path: &Path) {
    let removed = orphan::settle(&pgdata(path)).and_then(|()| {
        socket_directory::clear(&run(path))?;
        fs::remove_dir_all(path).map_err(Error::io("remove", path))
    });
    match removed {
        Ok(()) => tracing::info!(path = %path.display(), "removed a stale throw-away directory"),
        Err(error) => tracing::warn!(%error, "cannot remove a stale throw-away directory"),
    }
}

/// Locks a directory that is surely a left-over: a real one of ours, old, and locked by nobody.
fn lock_stale(path: &Path) -> Option<File> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let old = metadata.modified().ok()?.elapsed().is_ok_and(|age| age >= STALE_AGE);
    if !metadata.is_dir() || metadata.uid() != geteuid().as_raw() || !old {
        return None;
    }
    let lock = OpenOptions::new().append(true).open(path.join("lock")).ok()?;
    lock.try_lock().ok().map(|()| lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory like those that a killed server leaves, last changed `age` ago.
    fn left_over(base: &Path, name: &str, age: Duration) -> PathBuf {
        let path = base.join(name);
        fs::create_dir_all(pgdata(&path)).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        let then = std::time::SystemTime::now() - age;
        File::open(&path).unwrap().set_modified(then).unwrap();
        path
    }

    #[test]
    fn data_goes_where_the_system_keeps_data() {
        let dir = |root, xdg: &str, home: &str| {
            let some = |text: &str| Some(PathBuf::from(text)).filter(|_| !text.is_empty());
            data_dir(root, some(xdg), some(home)).map(|dir| dir.display().to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(dir(true, "/xdg", "/root"), is("/var/lib/minitwit"));
        assert_eq!(dir(false, "/xdg", "/home/alice"), is("/xdg/minitwit"));
        assert_eq!(dir(false, "xdg", "/home/alice"), is("/home/alice/.local/share/minitwit"));
        assert_eq!(dir(false, "", "/home/alice"), is("/home/alice/.local/share/minitwit"));
        assert_eq!(dir(false, "", ""), None);
    }

    #[test]
    fn only_old_and_unlocked_left_overs_are_removed() {
        let base = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3600);
        let stale = left_over(base.path(), "minitwit-ephemeral-stale", hour);
        let young = left_over(base.path(), "minitwit-ephemeral-young", Duration::ZERO);
        let foreign = left_over(base.path(), "another-program", hour);
        let used = left_over(base.path(), "minitwit-ephemeral-used", hour);
        let lock = File::open(used.join("lock")).unwrap();
        lock.try_lock().unwrap();
        let unlockable = left_over(base.path(), "minitwit-ephemeral-unlockable", hour);
        fs::remove_file(unlockable.join("lock")).unwrap();
        File::open(&unlockable).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();

        remove_stale(base.path());

        assert!(!stale.exists());
        for kept in [young, foreign, used, unlockable] {
            assert!(kept.exists(), "{}", kept.display());
        }
    }
}
