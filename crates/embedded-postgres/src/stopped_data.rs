//! A data directory whose server is stopped: its cluster can be replaced, and the old one is kept.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use child_process::Cancel;

use crate::{
    cluster::{self, UNFINISHED_PREFIX},
    data_directory::{self, DataDirectory},
    directories::make_temporary,
    error::Error,
    orphan,
    os_user::{Account, OsUser},
    settings::Data,
};

/// The beginning of the names of replaced clusters.
const KEPT_PREFIX: &str = "postgres.before-restore-";

/// The name of an adopted cluster until all its files are moved.
const ADOPTED: &str = "postgres.adopted";
/// The entries of a data directory that are not part of a cluster whose files lie beside them.
const OWN_ENTRIES: [&str; 6] = ["lock", "postgres", ADOPTED, "run", "pgbackrest", "lost+found"];

/// A locked data directory without a running server. Dropping it unlocks it.
#[derive(Debug)]
pub struct StoppedData {
    data: DataDirectory,
    os_user: OsUser,
}

impl StoppedData {
    /// Creates the directory unless it exists, locks it, and stops the server of an earlier run.
    /// Returns [`Error::InUse`] if another process has locked it.
    pub fn lock(directory: &Path, postgres_user: Option<&str>) -> Result<Self, Error> {
        let data = Data::Directory(directory.to_owned());
        let (data, os_user) = DataDirectory::open(&data, postgres_user)?;
        orphan::stop(&data.pgdata(), &Cancel::default())?;
        Ok(Self { data, os_user })
    }

    /// Creates the directory unless it exists, without locking it. Returns its absolute path and the
    /// account that runs PostgreSQL there.
    pub fn prepare(
        directory: &Path,
        postgres_user: Option<&str>,
    ) -> Result<(PathBuf, Option<Account>), Error> {
        let (path, os_user) = data_directory::prepare(directory, postgres_user)?;
        Ok((path, os_user.account()))
    }

    /// Whether there is a cluster in this data directory. Returns [`Error::NotACluster`] if there is
    /// something else in its place.
    pub fn has_cluster(directory: &Path) -> Result<bool, Error> {
        let major = cluster::major_version(&data_directory::pgdata(directory))?;
        Ok(major.is_some())
    }

    /// Whether there is a cluster in this data directory, or one that an interrupted upgrade or restore has
    /// left under another name. Creates nothing.
    pub fn has_any_cluster(directory: &Path) -> Result<bool, Error> {
        if Self::has_cluster(directory)? {
            return Ok(true);
        }
        let is_renamed = |name: &[u8]| {
            name.starts_with(b"postgres.") && !name.starts_with(UNFINISHED_PREFIX.as_bytes())
        };
        let mut entries = fs::read_dir(directory).into_iter().flatten().flatten();
        Ok(entries.any(|entry| is_renamed(entry.file_name().as_encoded_bytes())))
    }

    /// Whether there is anything in the place of the cluster, even if it is damaged.
    pub fn has_data(&self) -> bool {
        fs::read_dir(self.pgdata()).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The path, absolute and without symbolic links.
    pub fn path(&self) -> &Path {
        self.data.path()
    }

    /// The directory of the cluster, which may not exist.
    pub fn pgdata(&self) -> PathBuf {
        self.data.pgdata()
    }

    /// The account that runs PostgreSQL; `None` if it is that of this process.
    pub fn account(&self) -> Option<Account> {
        self.os_user.account()
    }

    /// Creates an empty directory for a cluster, on the same file system as the final one. A later
    /// run removes it unless it has replaced the cluster.
    pub fn make_new_cluster(&self) -> Result<PathBuf, Error> {
        cluster::remove_unfinished(self.path());
        let directory = make_temporary(self.path(), UNFINISHED_PREFIX)?;
        self.os_user.make_owner_of(directory.path())?;
        Ok(directory.keep())
    }

    /// Moves a cluster whose files lie in the data directory itself, as the official image of PostgreSQL
    /// places them, to where this crate expects it. Returns whether there was one. A later call continues
    /// after an interruption.
    pub fn adopt_cluster(&self) -> Result<bool, Error> {
        const VERSION: &str = "PG_VERSION";
        let unfinished = self.path().join(ADOPTED);
        if !self.path().join(VERSION).exists() && !unfinished.join(VERSION).exists() {
            return Ok(false);
        }
        if self.has_data() {
            return Err(Error::NotACluster(self.path().to_owned()));
        }
        if !unfinished.exists() {
            make_private(&unfinished).map_err(Error::io("create the directory", &unfinished))?;
            self.os_user.make_owner_of(&unfinished)?;
        }
        let entries = fs::read_dir(self.path()).map_err(Error::io("read", self.path()))?;
        let mut names = entries
            .map(|entry| entry.map(|it| it.file_name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::io("read", self.path()))?;
        names.retain(|name| !OWN_ENTRIES.iter().any(|own| name == own));
        // The last one, because it tells an interrupted move from a finished one.
        names.sort_by_key(|name| name == VERSION);
        for name in names {
            let from = self.path().join(&name);
            fs::rename(&from, unfinished.join(name)).map_err(Error::io("rename", &from))?;
        }
        let pgdata = self.pgdata();
        // It may exist and be empty.
        fs::rename(&unfinished, &pgdata).map_err(Error::io("rename", &unfinished))?;
        self.sync()?;
        Ok(true)
    }

    /// Makes `new` the cluster. The old one, if any, is kept beside it under a name that ends with
    /// `suffix`; its path is returned.
    ///
    /// After a crash at any moment, either the old or the new cluster is in place. Where the file
    /// system cannot exchange two directories, both may have other names; then the next start returns
    /// [`Error::InterruptedRestore`] instead of creating an empty cluster.
    pub fn replace_cluster(&self, new: &Path, suffix: &str) -> Result<Option<PathBuf>, Error> {
        let pgdata = self.data.pgdata();
        let kept = if self.has_data() {
            let kept = self.path().join(format!("{KEPT_PREFIX}{suffix}"));
            keep_and_replace(&pgdata, new, &kept)?;
            Some(kept)
        } else {
            fs::rename(new, &pgdata).map_err(Error::io("rename", new))?;
            None
        };
        self.sync()?;
        Ok(kept)
    }

    /// Puts a kept cluster back in place. The cluster that replaced it is renamed to
    /// `postgres.failed-…`; its path is returned.
    pub fn put_back(&self, kept: &Path, suffix: &str) -> Result<PathBuf, Error> {
        let failed = self.path().join(format!("postgres.failed-{suffix}"));
        keep_and_replace(&self.data.pgdata(), kept, &failed)?;
        self.sync()?;
        Ok(failed)
    }

    fn sync(&self) -> Result<(), Error> {
        let synced = File::open(self.path()).and_then(|directory| directory.sync_all());
        synced.map_err(Error::io("sync", self.path()))
    }
}

fn make_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(directory)
}

/// Renames `current` to `kept`, and `new` to `current`.
///
/// The new directory first gets the name `kept`, and then both are exchanged at once. So no name
/// that a later run deletes ever belongs to the old directory.
fn keep_and_replace(current: &Path, new: &Path, kept: &Path) -> Result<(), Error> {
    if kept.exists() {
        let exists = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(Error::io("rename the cluster to", kept)(exists));
    }
    fs::rename(new, kept).map_err(Error::io("rename", new))?;
    match exchange(current, kept) {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, "the file system cannot exchange directories");
            fs::rename(kept, new).map_err(Error::io("rename", kept))?;
            fs::rename(current, kept).map_err(Error::io("rename", current))?;
            fs::rename(new, current).map_err(Error::io("rename", new))
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)?)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns [`Error::InterruptedRestore`] if a replaced cluster lies where the current one is missing.
pub(crate) fn check_no_interrupted_restore(data: &DataDirectory) -> Result<(), Error> {
    for entry in fs::read_dir(data.path()).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(KEPT_PREFIX.as_bytes()) {
            return Err(Error::InterruptedRestore { pgdata: data.pgdata(), kept: entry.path() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(path: &Path, name: &str) -> PathBuf {
        let cluster = path.join(name);
        fs::create_dir_all(&cluster).unwrap();
        fs::write(cluster.join("PG_VERSION"), "15\n").unwrap();
        fs::write(cluster.join("name"), name).unwrap();
        cluster
    }

    fn name(path: &Path) -> String {
        fs::read_to_string(path.join("name")).unwrap()
    }

    #[test]
    fn a_replaced_cluster_is_kept_and_can_be_put_back() {
        let directory = tempfile::tempdir().unwrap();
        let data = StoppedData::lock(directory.path(), None).unwrap();
        let pgdata = data.data.pgdata();
        let first = cluster(data.path(), "first");
        assert_eq!(data.replace_cluster(&first, "1").unwrap(), None);
        assert_eq!(name(&pgdata), "first");

        let second = cluster(data.path(), "second");
        let kept = data.replace_cluster(&second, "2").unwrap().unwrap();
        assert_eq!((name(&pgdata).as_str(), name(&kept).as_str()), ("second", "first"));
        assert!(kept.ends_with("postgres.before-restore-2"), "{}", kept.display());

        fs::remove_file(pgdata.join("PG_VERSION")).unwrap();
        let third = cluster(data.path(), "third");
        assert!(data.replace_cluster(&third, "2").is_err(), "a kept cluster is never replaced");
        assert_eq!((name(&pgdata).as_str(), name(&kept).as_str()), ("second", "first"));

        let failed = data.put_back(&kept, "3").unwrap();
        assert_eq!((name(&pgdata).as_str(), name(&failed).as_str()), ("first", "second"));
    }

    #[test]
    fn a_cluster_in_the_data_directory_itself_is_moved() {
        for interrupted_after in [None, Some("base"), Some("PG_VERSION")] {
            let directory = tempfile::tempdir().unwrap();
            let data = StoppedData::lock(directory.path(), None).unwrap();
            assert!(!data.adopt_cluster().unwrap(), "there is no cluster");
            fs::create_dir_all(data.path().join("base/1")).unwrap();
            fs::create_dir(data.path().join("pgbackrest")).unwrap();
            fs::write(data.path().join("PG_VERSION"), "17\n").unwrap();
            if let Some(last) = interrupted_after {
                let unfinished = data.path().join(ADOPTED);
                fs::create_dir(&unfinished).unwrap();
                for name in ["base", "PG_VERSION"] {
                    fs::rename(data.path().join(name), unfinished.join(name)).unwrap();
                    if name == last {
                        break;
                    }
                }
            }
            assert!(data.adopt_cluster().unwrap());
            assert_eq!(fs::read_to_string(data.pgdata().join("PG_VERSION")).unwrap(), "17\n");
            assert!(data.pgdata().join("base/1").is_dir());
            assert!(data.path().join("pgbackrest").is_dir() && data.path().join("lock").exists());
            assert!(!data.adopt_cluster().unwrap(), "it is moved already");

            fs::write(data.path().join("PG_VERSION"), "17\n").unwrap();
            assert!(data.adopt_cluster().is_err(), "a second cluster is left alone");
        }
    }

    #[test]
    fn a_missing_cluster_beside_a_kept_one_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let data = StoppedData::lock(directory.path(), None).unwrap();
        check_no_interrupted_restore(&data.data).unwrap();
        cluster(data.path(), "postgres.before-restore-1");
        let error = check_no_interrupted_restore(&data.data).unwrap_err().to_string();
        assert!(error.contains("postgres.before-restore-1 is there"), "{error}");
    }
}
