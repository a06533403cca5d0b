//! The data directory: `lock`, `postgres/` (the cluster) and `run/` (the socket). One process at a
//! time locks it.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf, absolute},
    process,
    time::Duration,
};

use child_process::Cancel;
use nix::unistd::{Gid, Uid, geteuid};
use tempfile::TempDir;

use crate::{
    directories::{make_temporary, set_mode},
    error::Error,
    orphan,
    os_user::{OsUser, Owner},
    settings::Data,
    socket_directory,
};

const EPHEMERAL_PREFIX: &str = "minitwit-ephemeral-";

/// The age from which an unlocked ephemeral directory is stale. A younger one may not be locked
/// yet.
const STALE_AGE: Duration = Duration::from_secs(60);

/// Readable and writable for the owner only.
const LOCK_MODE: u32 = 0o600;

/// The default data directory: `/var/lib/minitwit` for root, else `$XDG_DATA_HOME/minitwit`, else
/// `~/.local/share/minitwit`. Returns [`Error::NoHome`] if there is no home directory.
pub fn default_data_dir() -> Result<PathBuf, Error> {
    let xdg = env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    data_dir(geteuid().is_root(), xdg, env::home_dir()).ok_or(Error::NoHome)
}

fn data_dir(root: bool, xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    if root {
        return Some("/var/lib/minitwit".into());
    }
    // The XDG Base Directory Specification requires programs to ignore a relative value.
    let xdg = xdg.filter(|dir| dir.is_absolute());
    let home = home.filter(|dir| dir.is_absolute());
    Some(xdg.or_else(|| Some(home?.join(".local/share")))?.join("minitwit"))
}

/// A data directory that this process has locked. Dropping it unlocks it, and removes an ephemeral
/// one.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    lock: File,
    ephemeral: Option<TempDir>,
}

impl DataDirectory {
    /// Creates and locks the directory. Returns it with the account to run PostgreSQL as, which
    /// depends on the owner of an existing cluster.
    pub(crate) fn open(data: &Data, postgres_user: Option<&str>) -> Result<(Self, OsUser), Error> {
        match data {
            Data::Directory(path) => {
                let (path, os_user) = prepare(path, postgres_user)?;
                Ok((Self::lock(path, None)?, os_user))
            }
            Data::Ephemeral => Self::ephemeral(&env::temp_dir(), postgres_user),
            Data::EphemeralIn(parent) => Self::ephemeral(parent, postgres_user),
        }
    }

    fn ephemeral(parent: &Path, postgres_user: Option<&str>) -> Result<(Self, OsUser), Error> {
        let os_user = OsUser::choose(postgres_user, None)?;
        let temporary = make_ephemeral(parent, &os_user)?;
        let path = temporary.path().to_owned();
        Ok((Self::lock(path, Some(temporary))?, os_user))
    }

    fn lock(path: PathBuf, ephemeral: Option<TempDir>) -> Result<Self, Error> {
        let path = path.canonicalize().map_err(Error::io("find", &path))?;
        let lock_path = path.join("lock");
        let mut lock = open_lock(&lock_path).map_err(Error::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {
                // The id helps an operator. A full disk must not prevent the start.
                let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", process::id()));
                Ok(Self { path, lock, ephemeral })
            }
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&lock_path).ok();
                let holder = holder.and_then(|text| text.trim().parse().ok());
                Err(Error::InUse { path, holder })
            }
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &lock_path)(error)),
        }
    }

    /// The path, absolute and without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn pgdata(&self) -> PathBuf {
        pgdata(&self.path)
    }

    pub(crate) fn run(&self) -> PathBuf {
        run(&self.path)
    }

    pub(crate) fn is_ephemeral(&self) -> bool {
        self.ephemeral.is_some()
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if let Some(temporary) = self.ephemeral.take()
            && let Err(error) = temporary.close()
        {
            tracing::warn!(%error, "cannot remove the ephemeral data directory");
        }
        // Closing the file is not enough: a process that another thread is spawning holds a copy of
        // the descriptor until its exec.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "cannot unlock the data directory");
        }
    }
}

/// Opens the lock file. Only its owner can open it, because a process that opens the file can lock it.
fn open_lock(path: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().create(true).append(true).mode(LOCK_MODE).open(path)?;
    // An older version created it with the umask.
    lock.set_permissions(Permissions::from_mode(LOCK_MODE))?;
    Ok(lock)
}

/// Creates the directory unless it exists, without locking it. Returns its absolute path and the
/// account to run PostgreSQL as.
pub(crate) fn prepare(
    path: &Path,
    postgres_user: Option<&str>,
) -> Result<(PathBuf, OsUser), Error> {
    let path = absolute(path).map_err(Error::io("find", path))?;
    // An interrupted upgrade can leave the cluster under another name.
    let owner = owner(&pgdata(&path)).or_else(|| owner(&upgraded(&path)));
    let os_user = OsUser::choose(postgres_user, owner)?;
    make(&path, &os_user)?;
    Ok((path, os_user))
}

/// The directory of the cluster.
pub(crate) fn pgdata(path: &Path) -> PathBuf {
    path.join("postgres")
}

/// An upgraded copy of the cluster, until it takes the place of the cluster.
pub(crate) fn upgraded(path: &Path) -> PathBuf {
    path.join("postgres.upgraded")
}

/// The directory of the socket, or a link to it.
pub(crate) fn run(path: &Path) -> PathBuf {
    path.join("run")
}

fn owner(path: &Path) -> Option<Owner> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid())))
}

/// Creates the directory unless it exists. Creates nothing if the account could not enter it.
fn make(path: &Path, os_user: &OsUser) -> Result<(), Error> {
    if let Some(existing) = path.ancestors().find(|ancestor| ancestor.exists()) {
        os_user.check_can_enter(existing)?;
    }
    if !path.exists() {
        let result = DirBuilder::new().recursive(true).mode(0o755).create(path);
        result.map_err(Error::io("create the directory", path))?;
        set_mode(path, os_user.directory_mode())?;
    }
    os_user.check_can_enter(path)
}

fn make_ephemeral(parent: &Path, os_user: &OsUser) -> Result<TempDir, Error> {
    let parent = if os_user.can_enter(parent) { parent } else { Path::new("/tmp") };
    remove_stale(parent);
    let temporary = make_temporary(parent, EPHEMERAL_PREFIX)?;
    set_mode(temporary.path(), os_user.directory_mode())?;
    Ok(temporary)
}

/// Removes ephemeral directories of killed servers. A failure does not prevent the start.
fn remove_stale(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(EPHEMERAL_PREFIX.as_bytes())
            && let Some(_lock) = lock_stale(&entry.path())
        {
            remove_directory(&entry.path());
        }
    }
}

fn remove_directory(path: &Path) {
    let removed = orphan::stop(&pgdata(path), &Cancel::default()).and_then(|()| {
        socket_directory::clear(&run(path))?;
        fs::remove_dir_all(path).map_err(Error::io("remove", path))
    });
    match removed {
        Ok(()) => tracing::info!(path = %path.display(), "removed a stale ephemeral directory"),
        Err(error) => tracing::warn!(%error, "cannot remove a stale ephemeral directory"),
    }
}

/// Locks a stale directory; `None` unless it is a real directory of this user, old enough and
/// unlocked.
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

    /// A directory as a killed server leaves it, last changed `age` ago.
    fn abandoned(base: &Path, name: &str, age: Duration) -> PathBuf {
        let path = base.join(name);
        fs::create_dir_all(pgdata(&path)).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        let then = std::time::SystemTime::now() - age;
        File::open(&path).unwrap().set_modified(then).unwrap();
        path
    }

    #[test]
    fn the_default_directory_follows_the_systems_conventions() {
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
    fn only_old_and_unlocked_directories_are_removed() {
        let base = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3600);
        let stale = abandoned(base.path(), "minitwit-ephemeral-stale", hour);
        let young = abandoned(base.path(), "minitwit-ephemeral-young", Duration::ZERO);
        let foreign = abandoned(base.path(), "another-program", hour);
        let used = abandoned(base.path(), "minitwit-ephemeral-used", hour);
        let lock = File::open(used.join("lock")).unwrap();
        lock.try_lock().unwrap();
        let unlockable = abandoned(base.path(), "minitwit-ephemeral-unlockable", hour);
        fs::remove_file(unlockable.join("lock")).unwrap();
        File::open(&unlockable).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();

        remove_stale(base.path());

        assert!(!stale.exists());
        for kept in [young, foreign, used, unlockable] {
            assert!(kept.exists(), "{}", kept.display());
        }
    }
}
