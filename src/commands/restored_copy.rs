//! The mark of a restored copy, which archives nothing.
//!
//! A copy and its original have the same identifier, so pgBackRest cannot tell one from the other. The WAL of
//! both in one repository would mix two histories, and a restore would follow the newer one. So a mark in the
//! cluster of the copy rejects every repository that holds anything.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use pgbackrest::PgBackRest;

use super::Failure;

/// The mark, in the directory of the cluster: so it comes and goes with the cluster, at once.
const MARK: &str = "minitwit_copy";

/// A copy was about to archive.
#[derive(Debug, thiserror::Error)]
#[error(
    "the data directory {} is a restored copy, and a copy does not archive into the repository of its \
     original, or one with other backups: unset --backup-repository (MINITWIT_BACKUP_REPOSITORY) and \
     --backup-s3-bucket (MINITWIT_BACKUP_S3_BUCKET); to go on with the copy instead of the original, name \
     an empty repository, or restore into the data directory of the original", .0.display()
)]
struct Copy(PathBuf);

/// Marks the restored cluster in this directory as a copy.
pub(super) fn mark(cluster: &Path) -> Result<(), Failure> {
    let (mark, owner) = (cluster.join(MARK), fs::metadata(cluster)?);
    fs::write(&mark, "This cluster is a restored copy. MiniTwit does not archive its WAL.\n")?;
    Ok(chown(&mark, Some(owner.uid()), Some(owner.gid()))?)
}

/// Whether the cluster of this data directory is a copy.
pub(super) fn is_marked(data_dir: &Path) -> bool {
    data_dir.join("postgres").join(MARK).exists()
}

/// Makes a copy archive into an empty repository: from then on, it is a database of its own.
///
/// Returns an error if the repository holds anything.
pub(super) fn begin_archiving(data_dir: &Path, program: &PgBackRest) -> Result<(), Failure> {
    if program.has_files()? {
        return Err(Copy(data_dir.to_owned()).into());
    }
    match fs::remove_file(data_dir.join("postgres").join(MARK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
