//! The disk space that a copy of a cluster needs.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use nix::sys::statvfs::statvfs;

use crate::error::Error;

/// For the new cluster's own files and its write-ahead log.
const RESERVE: u64 = 256 << 20;

/// The unit of `st_blocks`, on every system.
const BLOCK: u64 = 512;

/// The space for a copy, in bytes.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) needed: u64,
    pub(super) free: u64,
}

/// Measures the cluster and the free space of `parent`. Returns [`Error::NoSpace`] if a copy does not fit, and
/// [`Error::Tablespaces`] if parts of the cluster are outside its directory.
pub(super) fn check(pgdata: &Path, parent: &Path) -> Result<Space, Error> {
    let tablespaces = pgdata.join("pg_tblspc");
    if fs::read_dir(&tablespaces).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::Tablespaces(tablespaces));
    }
    let needed = size(pgdata).map_err(Error::io("measure", pgdata))?;
    let free = free(parent).map_err(Error::io("measure the free space of", parent))?;
    enough(needed, free, parent)
}

fn enough(needed: u64, free: u64, parent: &Path) -> Result<Space, Error> {
    // Indexes and system tables of the new version can be larger.
    let reserved = needed + needed / 10 + RESERVE;
    if free < reserved {
        return Err(Error::NoSpace { directory: parent.to_owned(), needed: reserved, free });
    }
    Ok(Space { needed, free })
}

/// Bytes that other users than root can still write.
fn free(directory: &Path) -> io::Result<u64> {
    let statistics = statvfs(directory)?;
    // The types differ between systems.
    #[allow(clippy::useless_conversion, reason = "the types are not u64 on every system")]
    Ok(u64::from(statistics.blocks_available()) * u64::from(statistics.fragment_size()))
}

/// The size of the cluster on disk, without its write-ahead log, which is not copied.
fn size(pgdata: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut directories = vec![pgdata.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                if entry.path() != pgdata.join("pg_wal") {
                    directories.push(entry.path());
                }
            } else {
                bytes += metadata.blocks() * BLOCK;
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_does_not_fit_is_rejected_with_both_sizes() {
        let parent = Path::new("/srv/minitwit");
        assert!(enough(10 << 30, 12 << 30, parent).is_ok());
        let error = enough(10 << 30, 11 << 30, parent).unwrap_err().to_string();
        assert!(
            error.contains("/srv/minitwit: it needs 11520 MiB, and 11264 MiB is free"),
            "{error}"
        );
    }

    #[test]
    fn the_write_ahead_log_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let pgdata = directory.path();
        fs::create_dir_all(pgdata.join("base/1")).unwrap();
        fs::create_dir_all(pgdata.join("pg_wal/archive_status")).unwrap();
        fs::write(pgdata.join("pg_wal/000000010000000000000001"), vec![1; 1 << 20]).unwrap();
        fs::write(pgdata.join("base/1/1"), vec![1; 1 << 16]).unwrap();
        let measured = check(pgdata, pgdata).unwrap();
        assert!((1 << 16..1 << 20).contains(&measured.needed), "{}", measured.needed);
    }

    #[test]
    fn a_cluster_with_a_tablespace_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("pg_tblspc/16384")).unwrap();
        let error = check(directory.path(), directory.path()).unwrap_err();
        assert!(matches!(error, Error::Tablespaces(_)), "{error}");
    }
}
