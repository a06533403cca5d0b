//! Backups of the embedded PostgreSQL: the repository, and the commands `backup`, `restore` and
//! `drill`.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use time::OffsetDateTime;

use super::{
    DatabaseArgs, LogArgs,
    values::{Secret, secret_file, time},
};

/// The shortest passphrase. A program can try every shorter one of few kinds of characters.
const SHORTEST_PASSPHRASE: usize = 16;

/// The backup repository of the embedded PostgreSQL.
#[derive(Debug, Args)]
#[command(next_help_heading = "Backup repository")]
pub struct RepositoryArgs {
    /// Where the repository is.
    #[command(flatten)]
    pub storage: StorageArgs,

    /// Encrypt the repository (AES-256-CBC) with the passphrase in this file: at least 16 characters.
    /// Keep a copy elsewhere; without it no backup can be restored
    #[arg(
        long,
        env = "MINITWIT_BACKUP_PASSPHRASE_FILE",
        value_name = "FILE",
        value_parser = passphrase_file
    )]
    pub backup_passphrase_file: Option<SecretFile>,

    /// Number of full backups to keep; older ones are deleted with the WAL that only they need
    #[arg(
        long,
        env = "MINITWIT_BACKUP_RETENTION",
        value_name = "NUMBER",
        default_value_t = 4,
        value_parser = clap::value_parser!(u32).range(1..=9_999)
    )]
    pub backup_retention: u32,
}

/// Where the backup repository is: a directory or a bucket.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Backup repository",
    group = ArgGroup::new("backup_place")
        .args(["backup_repository", "backup_s3_bucket"])
        .conflicts_with_all(["database_url", "ephemeral"]),
    group = ArgGroup::new("backup_s3_details")
        .args([
            "backup_s3_endpoint",
            "backup_s3_key_file",
            "backup_s3_secret_file",
            "backup_s3_ca_file",
        ])
        .multiple(true)
        .requires("backup_s3_bucket")
)]
pub struct StorageArgs {
    /// Archive WAL from the first start on, and keep backups, in this directory; it should be on
    /// another disk
    #[arg(long, env = "MINITWIT_BACKUP_REPOSITORY", value_name = "DIRECTORY")]
    pub backup_repository: Option<PathBuf>,

    /// Archive WAL and keep backups in this bucket of an S3-compatible service
    #[arg(
        long,
        env = "MINITWIT_BACKUP_S3_BUCKET",
        value_name = "BUCKET",
        requires_all = [
            "backup_s3_endpoint",
            "backup_s3_key_file",
            "backup_s3_secret_file",
            "backup_passphrase_file",
        ]
    )]
    pub backup_s3_bucket: Option<String>,

    /// Host of the S3-compatible service, with a port if that is not 443
    #[arg(long, env = "MINITWIT_BACKUP_S3_ENDPOINT", value_name = "HOST")]
    pub backup_s3_endpoint: Option<String>,

    /// Region of the bucket
    #[arg(
        long,
        env = "MINITWIT_BACKUP_S3_REGION",
        value_name = "REGION",
        default_value = "us-east-1"
    )]
    pub backup_s3_region: String,

    /// Read the access key from this file
    #[arg(
        long,
        env = "MINITWIT_BACKUP_S3_KEY_FILE",
        value_name = "FILE",
        value_parser = secret_file
    )]
    pub backup_s3_key_file: Option<Secret>,

    /// Read the secret of the access key from this file
    #[arg(
        long,
        env = "MINITWIT_BACKUP_S3_SECRET_FILE",
        value_name = "FILE",
        value_parser = secret_file
    )]
    pub backup_s3_secret_file: Option<Secret>,

    /// Certificate authority of the S3-compatible service [default: those of the system]
    #[arg(long, env = "MINITWIT_BACKUP_S3_CA_FILE", value_name = "FILE")]
    pub backup_s3_ca_file: Option<PathBuf>,
}

/// A secret and the file that holds it.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The secret.
    pub secret: Secret,
}

fn passphrase_file(name: &str) -> Result<SecretFile, String> {
    let secret = secret_file(name)?;
    if secret.expose().chars().count() < SHORTEST_PASSPHRASE {
        return Err(format!("the passphrase has less than {SHORTEST_PASSPHRASE} characters"));
    }
    Ok(SecretFile { path: name.into(), secret })
}

/// A repository that would be lost together with the data, or whose passphrase protects nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeRepository {
    /// The repository is in the data directory, or the reverse.
    #[error(
        "--backup-repository (MINITWIT_BACKUP_REPOSITORY) is {}, and the data directory is {}: \
         neither may contain the other, because both would be lost together", .repository.display(),
         .data_directory.display()
    )]
    BesideData {
        /// The repository.
        repository: PathBuf,
        /// The data directory.
        data_directory: PathBuf,
    },
    /// The passphrase is in the repository or in the data directory.
    #[error(
        "--backup-passphrase-file (MINITWIT_BACKUP_PASSPHRASE_FILE) is in {}: who steals that \
         directory could read the backups, or its loss would make them unreadable; keep the \
         passphrase elsewhere", .directory.display()
    )]
    PassphraseInside {
        /// The directory that contains it.
        directory: PathBuf,
    },
}

impl RepositoryArgs {
    /// Whether a repository is given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.storage.backup_repository.is_some() || self.storage.backup_s3_bucket.is_some()
    }

    /// Returns an error if the repository and its passphrase are not separate from the data. The paths
    /// of existing directories are compared without symbolic links.
    pub fn check(&self, data_directory: &Path) -> Result<(), UnsafeRepository> {
        let data = resolve(data_directory);
        let repository = self.storage.backup_repository.as_deref().map(resolve);
        if let Some(repository) = &repository
            && (repository.starts_with(&data) || data.starts_with(repository))
        {
            let (repository, data_directory) = (repository.clone(), data);
            return Err(UnsafeRepository::BesideData { repository, data_directory });
        }
        let Some(passphrase) = &self.backup_passphrase_file else { return Ok(()) };
        let file = resolve(&passphrase.path);
        match [Some(data), repository].into_iter().flatten().find(|it| file.starts_with(it)) {
            Some(directory) => Err(UnsafeRepository::PassphraseInside { directory }),
            None => Ok(()),
        }
    }
}

/// The absolute path without symbolic links, as far as it exists.
fn resolve(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let Ok(real) = ancestor.canonicalize()
            && let Ok(rest) = absolute.strip_prefix(ancestor)
        {
            // Joining an empty path would append a separator.
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    absolute
}

/// The settings of `minitwit backup`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("backup_action").args(["full", "differential", "list", "verify", "logical"]))]
pub struct BackupArgs {
    /// Back up all files. Without it, a backup contains the changes since the last one
    #[arg(long)]
    pub full: bool,

    /// Back up the changes since the last full backup
    #[arg(long)]
    pub differential: bool,

    /// List the backups, and change nothing
    #[arg(long)]
    pub list: bool,

    /// Check the checksums of all backups and of the archived WAL
    #[arg(long)]
    pub verify: bool,

    /// Write one file with pg_dump instead (custom format); needs neither pgBackRest nor a repository
    #[arg(long, value_name = "FILE")]
    pub logical: Option<PathBuf>,

    /// Backup repository.
    #[command(flatten)]
    pub repository: RepositoryArgs,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The settings of `minitwit restore`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("restore_state").args(["to", "latest", "set"]))]
pub struct RestoreArgs {
    /// A file of `minitwit backup --logical`; without it, the backup repository is used
    #[arg(value_name = "FILE", conflicts_with_all = ["restore_state", "timeline"])]
    pub file: Option<PathBuf>,

    /// Restore the state at this time, such as 2026-11-27T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<OffsetDateTime>,

    /// Restore the state after the last archived WAL; this is the default
    #[arg(long)]
    pub latest: bool,

    /// Restore the state at the end of this backup (see `minitwit backup --list`)
    #[arg(long, value_name = "NAME", value_parser = backup_name)]
    pub set: Option<String>,

    /// Follow this timeline of the WAL instead of the newest one, to undo an earlier restore
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeline: Option<u32>,

    /// Restore into this data directory, as a copy that archives nothing, instead of --data-dir
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["database_url", "ephemeral"])]
    pub target_dir: Option<PathBuf>,

    /// Replace the existing data, which is kept under another name
    #[arg(long)]
    pub yes: bool,

    /// Backup repository.
    #[command(flatten)]
    pub repository: RepositoryArgs,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The settings of `minitwit drill`.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// Directory for the restored copy, which is removed afterwards [default: the data directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub scratch_dir: Option<PathBuf>,

    /// Backup repository.
    #[command(flatten)]
    pub repository: RepositoryArgs,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Parses the name of a backup, which becomes an argument of a program.
fn backup_name(text: &str) -> Result<String, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() || !text.bytes().all(is_part) {
        return Err("must be a name that `minitwit backup --list` shows".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(repository: &Path, passphrase: Option<&Path>) -> RepositoryArgs {
        RepositoryArgs {
            storage: StorageArgs {
                backup_repository: Some(repository.to_owned()),
                backup_s3_bucket: None,
                backup_s3_endpoint: None,
                backup_s3_region: String::new(),
                backup_s3_key_file: None,
                backup_s3_secret_file: None,
                backup_s3_ca_file: None,
            },
            backup_passphrase_file: passphrase
                .map(|path| SecretFile { path: path.to_owned(), secret: "x".into() }),
            backup_retention: 4,
        }
    }

    #[test]
    fn a_repository_beside_the_data_or_with_its_passphrase_is_rejected() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        let data = path("data");
        std::fs::create_dir(&data).expect("made");
        std::os::unix::fs::symlink(&data, path("link")).expect("made");
        let check = |repository: &str, passphrase: Option<&str>| {
            let passphrase = passphrase.map(path);
            arguments(&path(repository), passphrase.as_deref()).check(&data)
        };
        assert_eq!(check("backups", None), Ok(()));
        assert_eq!(check("database", Some("key")), Ok(()));
        for repository in ["data", "data/backups", "link/backups", "", "data/../data/x/.."] {
            let result = check(repository, None);
            assert!(matches!(result, Err(UnsafeRepository::BesideData { .. })), "{repository}");
        }
        for passphrase in ["backups/key", "data/key", "link/key"] {
            let result = check("backups", Some(passphrase));
            assert!(
                matches!(result, Err(UnsafeRepository::PassphraseInside { .. })),
                "{passphrase}"
            );
        }
    }

    #[test]
    fn times_have_a_zone_and_names_no_white_space() {
        assert!(time("2026-11-27T10:00:00Z").is_ok());
        assert!(time("2026-11-27T10:00:00.25+01:00").is_ok());
        for wrong in ["2026-11-27 10:00:00", "2026-11-27", "yesterday", ""] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(backup_name("20261127-100205F_20261127-100207I").is_ok());
        assert!(backup_name("a b").is_err() && backup_name("").is_err());
    }
}
