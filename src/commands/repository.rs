//! The backup repository of the embedded PostgreSQL.
//!
//! A server that archives leaves pgBackRest's configuration in its data directory. So the other
//! commands find the repository, and one that starts the database itself archives its WAL too.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, chown},
    path::{Path, PathBuf},
    sync::mpsc::{self, SendError},
    thread,
    time::Duration,
};

use embedded_postgres::{Archiving, ROLE, SOCKET_PORT, StoppedData};
use pgbackrest::{Account, Configuration, Info, PgBackRest, S3, Server, Storage};

use super::{
    Failure, restored_copy,
    waits::{Limit, Waits},
};
use crate::config::{DatabaseArgs, RepositoryArgs, Secret, StorageArgs};

/// What a command waits for that reads the repository.
const REPOSITORY: &str = "the backup repository";

/// The name of the database within the repository.
const STANZA: &str = "minitwit";

/// The directory of pgBackRest's configuration in the data directory.
pub(super) const DIRECTORY: &str = "pgbackrest";

/// The file beside it that announces another cluster, until the repository knows it.
const UPGRADE: &str = "upgrade";

/// The longest time until written WAL is archived, without the time to copy it. A lost machine loses
/// at most this time of messages.
const ARCHIVE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the start of an existing database waits for its repository. A service on the network may be
/// unreachable; a second server must be rejected if a directory belongs to another database.
const BUCKET_WAIT: Duration = Duration::from_secs(3);
const DIRECTORY_WAIT: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
enum RepositoryError {
    #[error(
        "no backup repository: name one with --backup-repository (MINITWIT_BACKUP_REPOSITORY) or \
         --backup-s3-bucket (MINITWIT_BACKUP_S3_BUCKET)"
    )]
    NotGiven,
    #[error(
        "--database-url (DATABASE_URL) names a server that MiniTwit does not run, and its backups are \
         made where it runs; `minitwit backup --logical FILE` works from here"
    )]
    NotEmbedded,
    #[error(
        "there is no database in the data directory {}, but its backup repository has {backups} \
         backups. Restore it with `minitwit restore` --data-dir {} and the same repository; to start \
         with an empty database, name another repository", .directory.display(), .directory.display()
    )]
    RestoreFirst { directory: PathBuf, backups: usize },
    #[error(
        "there is no database in the data directory {}, but it names a backup repository. Restore it \
         with `minitwit restore` --data-dir {}; to start with an empty database, remove {}",
        .0.display(), .0.display(), .0.join(DIRECTORY).display()
    )]
    Noted(PathBuf),
    #[error(
        "the backup repository belongs to another database: name another repository with \
         --backup-repository (MINITWIT_BACKUP_REPOSITORY)"
    )]
    OtherDatabase(#[source] pgbackrest::Error),
    #[error("--backup-repository: cannot create {}", .path.display())]
    Create { path: PathBuf, source: io::Error },
}

/// The archiving of a server that is about to start.
pub(super) struct Archive {
    program: PgBackRest,
    data_dir: PathBuf,
    is_first_start: bool,
}

impl Archive {
    /// The archiving that the data directory is configured for, if any.
    ///
    /// Returns an error if there is no database here but the repository has backups of one: a lost
    /// volume must not become an empty database that nobody notices.
    pub(super) fn before_start(
        directory: &Path,
        postgres_user: Option<&str>,
        waits: &Waits,
    ) -> Result<Option<Self>, Failure> {
        if restored_copy::is_marked(directory) {
            return Ok(None);
        }
        let Some(program) = configured(directory, postgres_user)? else { return Ok(None) };
        let is_first_start = !StoppedData::has_cluster(directory)?;
        if is_first_start {
            let backups = info(&program, waits)?.backups.len();
            if backups > 0 {
                let directory = directory.to_owned();
                return Err(RepositoryError::RestoreFirst { directory, backups }.into());
            }
        }
        let data_dir = std::path::absolute(directory)?;
        Ok(Some(Self { program, data_dir, is_first_start }))
    }

    pub(super) fn settings(&self) -> Archiving {
        Archiving { command: self.program.archive_command(), timeout: ARCHIVE_TIMEOUT }
    }

    /// How a restored database gets its WAL.
    pub(super) fn restore_command(&self) -> String {
        self.program.restore_command(&self.data_dir.join("postgres"))
    }

    /// Prepares the repository for the started server. An existing database runs even if its repository
    /// cannot be reached, and keeps its WAL until it can; after some seconds the preparation goes on in
    /// the background.
    pub(super) fn after_start(mut self, socket: &Path, waits: &Waits) -> Result<(), Failure> {
        // The next step needs the new cluster to be known.
        if self.is_first_start || self.upgrade_file().exists() {
            return waits.block(REPOSITORY, Some(waits.start_limit()), |cancel| {
                self.program = self.program.clone().with_cancel(cancel.clone());
                self.prepare(socket)
            });
        }
        let patience = if self.program.is_in_bucket()? { BUCKET_WAIT } else { DIRECTORY_WAIT };
        self.program = self.program.with_cancel(waits.stop().cancel().clone());
        let (sender, receiver) = mpsc::channel();
        let socket = socket.to_owned();
        thread::spawn(move || {
            let result = self.prepare(&socket);
            if let Err(SendError(Err(error))) = sender.send(result) {
                tracing::error!(%error, "the backup repository is unusable; WAL waits on this disk");
            }
        });
        // A stop signal ends the program, which ends this wait.
        let answered =
            waits.block(REPOSITORY, None, |_| Ok::<_, Failure>(receiver.recv_timeout(patience)))?;
        answered.unwrap_or_else(|_| {
            tracing::warn!(
                "the backup repository has not answered for {} s; the start continues, and WAL waits on \
                 this disk until the repository answers",
                patience.as_secs()
            );
            Ok(())
        })
    }

    /// The file that announces an upgrade.
    fn upgrade_file(&self) -> PathBuf {
        self.data_dir.join(DIRECTORY).join(UPGRADE)
    }

    fn prepare(&self, socket: &Path) -> Result<(), Failure> {
        let upgrade = self.upgrade_file();
        let prepared = match self.program.create_stanza(socket) {
            Err(error) if error.is_other_cluster() && upgrade.exists() => {
                self.program.upgrade_stanza(socket)
            }
            result => result,
        };
        match prepared {
            Err(error) if error.is_other_cluster() => {
                Err(RepositoryError::OtherDatabase(error).into())
            }
            Err(error @ pgbackrest::Error::OtherPassphrase) => Err(error.into()),
            Err(error) if self.is_first_start => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "cannot reach the backup repository; WAL waits on this disk");
                Ok(())
            }
            Ok(()) => match fs::remove_file(&upgrade) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            },
        }
    }
}

/// Warns if everyone who can read the repository can read the backups.
pub(super) fn warn_if_unencrypted(program: &PgBackRest) -> Result<(), Failure> {
    if !program.is_encrypted()? {
        tracing::warn!(
            "the backup repository is not encrypted, and contains e-mail addresses and password hashes; \
             for a new repository, set --backup-passphrase-file (MINITWIT_BACKUP_PASSPHRASE_FILE)"
        );
    }
    Ok(())
}

/// Announces that another cluster is about to take the place of this one. The next start makes it known to
/// the repository.
pub(super) fn announce_new_cluster(data_dir: &Path) -> Result<(), Failure> {
    Ok(fs::File::create(data_dir.join(DIRECTORY).join(UPGRADE))?.sync_all()?)
}

/// Announces an upgraded cluster, if there is a repository. Returns whether there is one.
pub(super) fn announce_upgrade(
    data_dir: &Path,
    postgres_user: Option<&str>,
) -> Result<bool, Failure> {
    let has_repository = configured(data_dir, postgres_user)?.is_some();
    if has_repository {
        announce_new_cluster(data_dir)?;
    }
    Ok(has_repository)
}

/// For `minitwit serve`: configures archiving into the given repository. Without one, archiving ends.
pub(super) fn configure_or_forget(
    data_dir: &Path,
    database: &DatabaseArgs,
    repository: &RepositoryArgs,
) -> Result<(), Failure> {
    if repository.is_given() {
        return warn_if_unencrypted(&configure(data_dir, database, repository)?);
    }
    // A note without a database is all that is left of one, or of a start that was refused.
    if data_dir.join(DIRECTORY).exists() && !StoppedData::has_any_cluster(data_dir)? {
        return Err(RepositoryError::Noted(data_dir.to_owned()).into());
    }
    if forget(data_dir)? {
        tracing::warn!(
            "no backup repository is given any more: WAL is not archived from now on, and a restore \
             cannot reach later times; set --backup-repository"
        );
    }
    Ok(())
}

/// For the commands on backups: the given repository, or the one that the server in this data
/// directory archives into.
pub(super) fn required(
    data_dir: &Path,
    database: &DatabaseArgs,
    repository: &RepositoryArgs,
) -> Result<PgBackRest, Failure> {
    if !database.is_embedded() {
        return Err(RepositoryError::NotEmbedded.into());
    }
    if repository.is_given() {
        return configure(data_dir, database, repository);
    }
    let program = configured(data_dir, database.postgres_user.as_deref())?;
    Ok(program.ok_or(RepositoryError::NotGiven)?)
}

/// The repository that this data directory is configured for.
pub(super) fn configured(
    data_dir: &Path,
    postgres_user: Option<&str>,
) -> Result<Option<PgBackRest>, Failure> {
    let directory = std::path::absolute(data_dir)?.join(DIRECTORY);
    if !directory.exists() {
        return Ok(None);
    }
    let (_, account) = StoppedData::prepare(data_dir, postgres_user)?;
    Ok(PgBackRest::configured(&directory, STANZA, account.map(account_of))?)
}

/// The result of a drill, beside the configuration.
pub(super) fn drill_file(data_dir: &Path) -> PathBuf {
    data_dir.join(DIRECTORY).join("drill.json")
}

fn configure(
    data_dir: &Path,
    database: &DatabaseArgs,
    repository: &RepositoryArgs,
) -> Result<PgBackRest, Failure> {
    repository.check(data_dir)?;
    let (data_dir, account) = StoppedData::prepare(data_dir, database.postgres_user.as_deref())?;
    let account = account.map(account_of);
    let configuration = Configuration {
        storage: storage(&repository.storage, account)?,
        passphrase: repository.backup_passphrase_file.as_ref().map(|it| expose(&it.secret)),
        full_backups_kept: repository.backup_retention,
        stanza: STANZA.to_owned(),
        server: Server {
            data_directory: data_dir.join("postgres"),
            port: SOCKET_PORT,
            role: ROLE.to_owned(),
        },
    };
    let program = PgBackRest::configure(&data_dir.join(DIRECTORY), &configuration, account)?;
    if restored_copy::is_marked(&data_dir)
        && let Err(error) = restored_copy::begin_archiving(&data_dir, &program)
    {
        forget(&data_dir)?;
        return Err(error);
    }
    Ok(program)
}

/// Removes the configuration, so that no command archives. Returns whether there was one.
pub(super) fn forget(data_dir: &Path) -> Result<bool, Failure> {
    Ok(PgBackRest::forget(&data_dir.join(DIRECTORY))?)
}

fn expose(secret: &Secret) -> String {
    secret.expose().to_owned()
}

fn account_of(account: embedded_postgres::Account) -> Account {
    Account { uid: account.uid, gid: account.gid }
}

fn storage(settings: &StorageArgs, account: Option<Account>) -> Result<Storage, Failure> {
    if let Some(directory) = &settings.backup_repository {
        return Ok(Storage::Directory(repository_directory(directory, account)?));
    }
    let given = |secret: &Option<Secret>| secret.as_ref().map(expose).unwrap_or_default();
    let absolute = |path: &PathBuf| std::path::absolute(path);
    Ok(Storage::S3(S3 {
        bucket: settings.backup_s3_bucket.clone().unwrap_or_default(),
        endpoint: settings.backup_s3_endpoint.clone().unwrap_or_default(),
        region: settings.backup_s3_region.clone(),
        key: given(&settings.backup_s3_key_file),
        secret: given(&settings.backup_s3_secret_file),
        ca_file: settings.backup_s3_ca_file.as_ref().map(absolute).transpose()?,
    }))
}

/// Creates the directory unless it exists, but not its parent: that may be a file system which is not
/// mounted now. Returns its path without symbolic links.
fn repository_directory(path: &Path, account: Option<Account>) -> Result<PathBuf, Failure> {
    let failed = |source| RepositoryError::Create { path: path.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            if let Some(Account { uid, gid }) = account {
                chown(path, Some(uid), Some(gid)).map_err(failed)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error).into()),
    }
    Ok(fs::canonicalize(path).map_err(failed)?)
}

/// What the repository holds, which must not be empty.
pub(super) fn backups(program: &PgBackRest, waits: &Waits) -> Result<Info, Failure> {
    let info = info(program, waits)?;
    if info.backups.is_empty() {
        return Err("the backup repository has no backups; make one with `minitwit backup`".into());
    }
    Ok(info)
}

/// What the repository holds.
pub(super) fn info(program: &PgBackRest, waits: &Waits) -> Result<Info, Failure> {
    let limit = Some(waits.start_limit());
    run(program, REPOSITORY, limit, waits, PgBackRest::info)
}

/// Runs a command of pgBackRest, which a stop signal ends.
pub(super) fn run<T>(
    program: &PgBackRest,
    what: &str,
    limit: Option<Limit>,
    waits: &Waits,
    command: impl FnOnce(&PgBackRest) -> Result<T, pgbackrest::Error>,
) -> Result<T, Failure> {
    waits.block(what, limit, |cancel| command(&program.clone().with_cancel(cancel.clone())))
}
