//! Replaces a cluster by its upgraded copy, with names that survive a kill at any point.
//!
//! | names in the data directory | state |
//! | --- | --- |
//! | `postgres` | not upgraded; `postgres.upgraded` beside it is stale |
//! | `postgres.upgraded` and `postgres.old-15` | between the renames: [`finish`] completes them |
//! | `postgres` and `postgres.old-15` | upgraded |

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    data_directory::{pgdata, upgraded},
    error::Error,
};

/// Renames the cluster to a name with its version, and `copy` to the cluster's name. Returns the old cluster's new
/// path.
pub(super) fn swap(parent: &Path, copy: &Path, old_major: u32) -> Result<PathBuf, Error> {
    let (pgdata, ready) = (pgdata(parent), upgraded(parent));
    let kept = free_name(parent, old_major);
    rename(copy, &ready)?;
    // The copy has its name on disk before the cluster loses its own.
    sync(parent)?;
    rename(&pgdata, &kept)?;
    rename(&ready, &pgdata)?;
    sync(parent)?;
    Ok(kept)
}

/// Completes a swap that was interrupted between its renames. Without this, a start would create an empty cluster.
pub(crate) fn finish(parent: &Path) -> Result<(), Error> {
    let (pgdata, ready) = (pgdata(parent), upgraded(parent));
    if pgdata.exists() || !ready.exists() {
        return Ok(());
    }
    rename(&ready, &pgdata)?;
    sync(parent)?;
    tracing::info!(path = %pgdata.display(), "completed an interrupted upgrade of PostgreSQL's data");
    Ok(())
}

/// Removes a copy beside its cluster. The cluster may have changed since.
pub(super) fn remove_stale(parent: &Path) -> Result<(), Error> {
    let ready = upgraded(parent);
    match fs::remove_dir_all(&ready) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", &ready)(error))
        }
        _ => Ok(()),
    }
}

/// The settings of `ALTER SYSTEM`, without comments.
pub(super) fn altered_settings(pgdata: &Path) -> Vec<String> {
    let text = fs::read_to_string(pgdata.join("postgresql.auto.conf")).unwrap_or_default();
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// `postgres.old-15`, or with a number if earlier upgrades have left that name.
fn free_name(parent: &Path, major: u32) -> PathBuf {
    let first = parent.join(format!("postgres.old-{major}"));
    let others = (2..).map(|number| parent.join(format!("postgres.old-{major}-{number}")));
    // A name is free after at most as many attempts as the directory has entries.
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io("rename", from))
}

fn sync(directory: &Path) -> Result<(), Error> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(Error::io("sync", directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(path: &Path, major: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("PG_VERSION"), major).unwrap();
    }

    fn major(path: &Path) -> String {
        fs::read_to_string(path.join("PG_VERSION")).unwrap_or_default()
    }

    #[test]
    fn a_swap_keeps_every_old_cluster() {
        let directory = tempfile::tempdir().unwrap();
        let parent = directory.path();
        let pgdata = parent.join("postgres");
        for (round, kept) in
            ["postgres.old-15", "postgres.old-15-2", "postgres.old-15-3"].iter().enumerate()
        {
            cluster(&pgdata, &format!("old {round}"));
            cluster(&parent.join("work"), "17");
            let path = swap(parent, &parent.join("work"), 15).unwrap();
            assert_eq!(path, parent.join(kept));
            assert_eq!(major(&path), format!("old {round}"));
            assert_eq!(major(&pgdata), "17");
            fs::remove_dir_all(&pgdata).unwrap();
        }
    }

    #[test]
    fn a_swap_is_completed_after_an_interruption_at_any_point() {
        let directory = tempfile::tempdir().unwrap();
        let parent = directory.path();
        let (pgdata, copy) = (parent.join("postgres"), parent.join("work"));
        cluster(&pgdata, "15");
        cluster(&copy, "17");
        finish(parent).unwrap();
        assert_eq!(major(&pgdata), "15");

        // The copy is complete, but the cluster has not lost its name: the cluster counts.
        fs::rename(&copy, upgraded(parent)).unwrap();
        finish(parent).unwrap();
        assert_eq!((major(&pgdata), major(&upgraded(parent))), ("15".into(), "17".into()));

        fs::rename(&pgdata, parent.join("postgres.old-15")).unwrap();
        finish(parent).unwrap();
        assert_eq!((major(&pgdata), major(&upgraded(parent))), ("17".into(), String::new()));
        finish(parent).unwrap();
        assert_eq!(major(&parent.join("postgres.old-15")), "15");
    }

    #[test]
    fn settings_of_operators_are_listed() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(altered_settings(directory.path()), Vec::<String>::new());
        let text = "# Do not edit this file manually!\n\nwork_mem = '64MB'\n";
        fs::write(directory.path().join("postgresql.auto.conf"), text).unwrap();
        assert_eq!(altered_settings(directory.path()), ["work_mem = '64MB'"]);
    }
}
