//! A repository whose creation was interrupted: pgBackRest does not complete it.

use std::{fs, path::Path};

/// The files that the creation of a repository writes. Each has a temporary name first.
const CREATED: [&str; 4] = ["archive.info", "archive.info.copy", "backup.info", "backup.info.copy"];
const TEMPORARY: &str = ".pgbackrest.tmp";

/// What a repository without its complete description contains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Parts of its description, or nothing.
    Nothing,
    /// Archived WAL, and no backup.
    Wal,
    /// Backups, or files that this program does not know.
    Other,
}

/// The contents of a repository with these files, which are relative to its two directories.
pub(crate) fn contents<'a>(
    archive: impl Iterator<Item = &'a str>,
    backups: impl Iterator<Item = &'a str>,
) -> Contents {
    if backups.filter(|file| !is_created(file)).count() > 0 {
        return Contents::Other;
    }
    archive.filter(|file| !is_created(file)).fold(Contents::Nothing, |found, file| {
        if found != Contents::Other && is_wal(file) { Contents::Wal } else { Contents::Other }
    })
}

fn is_created(file: &str) -> bool {
    CREATED.contains(&file.strip_suffix(TEMPORARY).unwrap_or(file))
}

/// Whether this is a file of the WAL, such as `15-1/0000000100000000/000000010000000000000001-….zst`.
fn is_wal(file: &str) -> bool {
    let Some((cluster, rest)) = file.split_once('/') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let name = rest.rsplit('/').next().unwrap_or(rest);
    cluster.split_once('-').is_some_and(|(version, id)| is_number(version) && is_number(id))
        && name.bytes().take(8).filter(u8::is_ascii_hexdigit).count() == 8
}

/// The identifier of the cluster whose WAL a repository has, in the text of `archive.info`; `None` if there were
/// several, or if the text is none.
pub(crate) fn only_cluster(archive_info: &str) -> Option<u64> {
    let (_, history) = archive_info.split_once("[db:history]")?;
    let mut clusters = history.lines().filter_map(|line| line.split_once("\"db-id\":"));
    let (_, cluster) = clusters.next()?;
    let end = cluster.find(|c: char| !c.is_ascii_digit()).unwrap_or(cluster.len());
    if clusters.next().is_some() { None } else { cluster[..end].parse().ok() }
}

/// The identifier of the cluster in this directory; `None` if it cannot be read.
pub(crate) fn cluster_of(directory: &Path) -> Option<u64> {
    // The control file begins with it, in the byte order of the machine.
    let control = fs::read(directory.join("global/pg_control")).ok()?;
    Some(u64::from_ne_bytes(control.first_chunk::<8>().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(archive: &[&str], backups: &[&str]) -> Contents {
        contents(archive.iter().copied(), backups.iter().copied())
    }

    #[test]
    fn only_parts_of_the_description_are_nothing() {
        const WAL: &str = "15-1/0000000100000000/000000010000000000000001-0a1b.zst";
        assert_eq!(of(&[], &[]), Contents::Nothing);
        let parts = ["archive.info", "archive.info.copy.pgbackrest.tmp"];
        assert_eq!(of(&parts, &["backup.info.pgbackrest.tmp"]), Contents::Nothing);
        assert_eq!(of(&["archive.info", WAL], &[]), Contents::Wal);
        assert_eq!(of(&[WAL, "15-1/00000002.history"], &[]), Contents::Wal);
        for (archive, backups) in [
            (&["archive.info", WAL][..], &["backup.info", "20261127-100205F/backup.manifest"][..]),
            (&["archive.info"], &["latest"]),
            (&["notes.txt", WAL], &[]),
            (&[WAL, "15-1/notes"], &[]),
        ] {
            assert_eq!(of(archive, backups), Contents::Other, "{archive:?} {backups:?}");
        }
    }

    #[test]
    fn the_cluster_of_a_description_is_read() {
        let one = "[db]\ndb-id=1\ndb-system-id=7712\ndb-version=\"15\"\n\n[db:history]\n\
                   1={\"db-id\":7712,\"db-version\":\"15\"}\n\n[backrest]\n";
        assert_eq!(only_cluster(one), Some(7712));
        let second = "\n2={\"db-id\":99,\"db-version\":\"17\"}\n[backrest]";
        let two = one.replace("\n\n[backrest]", second);
        assert_eq!((only_cluster(&two), only_cluster(""), only_cluster("x")), (None, None, None));
    }
}
