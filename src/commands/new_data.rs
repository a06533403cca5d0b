//! Notices that data is missing: a new, empty site must not start in the place of an existing one.
//!
//! The directory of a mount point stays when its disk is not mounted, and looks like the directory of a
//! first start. A new database is created only
//!
//! 1. in a directory that does not exist, or that is a mount point itself, or that is not empty, and
//! 2. if no mount point at or above it is listed in `/etc/fstab` or a unit of systemd, and not mounted.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use embedded_postgres::StoppedData;

use super::{Failure, repository};

/// Data is not where it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MissingData {
    /// The directory may be the mount point of a disk that is not mounted.
    #[error(
        "the data directory {} is empty and no mount point: if a disk with the data belongs there, \
         mount it; for a new site, name a directory that does not exist, such as {}, with --data-dir \
         (MINITWIT_DATA_DIR)",
        .0.display(), .0.join("data").display()
    )]
    Empty(PathBuf),
    /// A file of the system lists a mount point that is not mounted.
    #[error(
        "{} is not mounted, although {} lists it, and the data directory {} is on it: mount it, or \
         name another directory with --data-dir (MINITWIT_DATA_DIR)",
        .mount_point.display(), .listed_in.display(), .directory.display()
    )]
    NotMounted {
        /// The mount point.
        mount_point: PathBuf,
        /// The file that lists it.
        listed_in: PathBuf,
        /// The data directory.
        directory: PathBuf,
    },
    /// There is nothing to read.
    #[error(
        "found no data in {}: name its directory with --data-dir (MINITWIT_DATA_DIR); `minitwit serve` \
         creates a new site", .0.display()
    )]
    Nothing(PathBuf),
}

/// A data directory that a start makes. Dropped after a failure, it is removed if it holds no more than
/// the configuration of a backup repository: otherwise, the next start would take it for a missing mount,
/// and that configuration for one of its own.
#[derive(Debug)]
pub(super) struct Made(Option<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(directory) = &self.0 {
            if let Ok(false) = StoppedData::has_any_cluster(directory) {
                let _ = fs::remove_dir_all(directory.join(repository::DIRECTORY));
            }
            // Fails if it has contents.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Returns an error if the directory has no data, and data may be on a disk that is not mounted.
pub(super) fn check_new(directory: &Path) -> Result<Made, Failure> {
    if StoppedData::has_any_cluster(directory)? {
        return Ok(Made(None));
    }
    let made = Made((!directory.exists()).then(|| directory.to_owned()));
    let directory = resolve(directory)?;
    let mounted = fs::read_to_string("/proc/self/mountinfo").ok();
    if let Some(mounted) = &mounted
        && let Some(missing) = not_mounted(&directory, &mount_points(mounted), &listed())
    {
        return Err(missing.into());
    }
    let is_mounted = match &mounted {
        Some(mounted) => mount_points(mounted).contains(&directory),
        None => is_on_other_device(&directory),
    };
    let is_empty = fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty && !is_mounted { Err(MissingData::Empty(directory).into()) } else { Ok(made) }
}

/// Returns an error if there is no data to read, and creates nothing.
pub(super) fn check_exists(directory: &Path) -> Result<(), Failure> {
    if StoppedData::has_any_cluster(directory)? {
        return Ok(());
    }
    Err(MissingData::Nothing(directory.to_owned()).into())
}

/// The absolute path without symbolic links, as far as it exists.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), absolute.strip_prefix(ancestor)) {
            return Ok(real.components().chain(rest.components()).collect());
        }
    }
    Ok(absolute)
}

/// A mount point and the file that lists it.
type Listed = (PathBuf, PathBuf);

fn not_mounted(directory: &Path, mounted: &[PathBuf], listed: &[Listed]) -> Option<MissingData> {
    let is_missing = |(point, _): &&Listed| {
        directory.starts_with(point) && point.parent().is_some() && !mounted.contains(point)
    };
    listed.iter().find(is_missing).map(|(mount_point, listed_in)| MissingData::NotMounted {
        mount_point: mount_point.clone(),
        listed_in: listed_in.clone(),
        directory: directory.to_owned(),
    })
}

fn mount_points(mountinfo: &str) -> Vec<PathBuf> {
    mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape).collect()
}

/// The mount points that should be mounted.
fn listed() -> Vec<Listed> {
    let fstab = PathBuf::from("/etc/fstab");
    let points = fstab_points(&fs::read_to_string(&fstab).unwrap_or_default());
    let mut all: Vec<Listed> = points.into_iter().map(|point| (point, fstab.clone())).collect();
    for entry in fs::read_dir("/etc/systemd/system").into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|it| it == "mount") {
            let unit = fs::read_to_string(&path).unwrap_or_default();
            let point = unit.lines().find_map(|line| line.trim().strip_prefix("Where="));
            all.extend(point.map(|point| (PathBuf::from(point.trim()), path)));
        }
    }
    all
}

fn fstab_points(fstab: &str) -> Vec<PathBuf> {
    let lines = fstab.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let points = lines.filter_map(|line| line.split_whitespace().nth(1));
    points.filter(|point| point.starts_with('/')).map(unescape).collect()
}

/// Decodes `\040`, the form of a space and of other characters in these files.
fn unescape(text: &str) -> PathBuf {
    let mut parts = text.split('\\');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                decoded.push(char::from(byte));
                decoded.push_str(&part[3..]);
            }
            None => decoded.push_str(part),
        }
    }
    PathBuf::from(decoded)
}

/// Where there is no list of mount points.
fn is_on_other_device(directory: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|it| it.dev()).ok();
    directory.parent().is_some_and(|parent| device(parent) != device(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FSTAB: &str = "# <file system> <mount point>\nUUID=1 / ext4 defaults 0 1\n\
        /dev/sdb1\t/srv/data  ext4 nofail 0 2\nUUID=2 none swap sw 0 0\n\
        nas:/x /mnt/my\\040data nfs noauto 0 0\n#/dev/sdc /old ext4\n";
    const MOUNTINFO: &str = "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        25 24 0:5 / /proc rw - proc proc rw\n30 24 8:33 / /mnt/my\\040data rw - nfs nas:/x rw\n";

    #[test]
    fn a_listed_mount_point_that_is_not_mounted_is_found() {
        let listed: Vec<Listed> =
            fstab_points(FSTAB).into_iter().map(|point| (point, "/etc/fstab".into())).collect();
        let points: Vec<_> =
            listed.iter().map(|(point, _)| point.to_str().expect("text")).collect();
        assert_eq!(points, ["/", "/srv/data", "/mnt/my data"]);
        let mounted = mount_points(MOUNTINFO);
        for (directory, missing) in [
            ("/srv/data", Some("/srv/data")),
            ("/srv/data/minitwit", Some("/srv/data")),
            ("/srv/database", None),
            ("/srv", None),
            ("/mnt/my data/minitwit", None),
            ("/var/lib/minitwit", None),
            ("/old/x", None),
        ] {
            let found = match not_mounted(Path::new(directory), &mounted, &listed) {
                Some(MissingData::NotMounted { mount_point, .. }) => Some(mount_point),
                _ => None,
            };
            assert_eq!(found.as_deref(), missing.map(Path::new), "{directory}");
        }
    }

    #[test]
    fn only_an_empty_directory_that_is_no_mount_point_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        check_new(path).expect_err("empty");
        std::os::unix::fs::symlink(path, path.with_extension("link")).expect("linked");
        let link = check_new(&path.with_extension("link"));
        fs::remove_file(path.with_extension("link")).expect("removed");
        assert!(link.expect_err("empty").to_string().contains("is empty and no mount point"));
        check_new(&path.join("data")).expect("new");
        check_new(&path.join("a/b/c")).expect("new");
        check_new(Path::new("/proc")).expect("a mount point");
        fs::write(path.join("lock"), "").expect("written");
        check_new(path).expect("an interrupted first start");
        let error = check_exists(path).expect_err("no data").to_string();
        assert!(error.contains("found no data in") && !error.contains('\n'), "{error}");
    }
}
