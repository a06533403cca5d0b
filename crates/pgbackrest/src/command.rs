//! Runs pgBackRest as the account of the database.

use std::{
    env,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use child_process::Cancel;

use crate::{
    configuration::{Configuration, WorkDirectories},
    error::Error,
    info::{self, Info},
    program,
    restore::Restore,
    unfinished::{self, Contents},
    verification,
};

const FILE: &str = "pgbackrest.conf";

/// How long short commands try to reach the repository, in seconds. A server that starts waits for them.
const REPOSITORY_TIMEOUT: &str = "--io-timeout=15";

/// The account of the database, if it differs from that of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The numeric user id.
    pub uid: u32,
    /// The numeric group id.
    pub gid: u32,
}

/// What a new backup contains. Without an earlier backup it is always a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupKind {
    /// All files.
    Full,
    /// Changes since the last full backup.
    Differential,
    /// Changes since the last backup.
    Incremental,
}

impl BackupKind {
    fn option(self) -> &'static str {
        match self {
            Self::Full => "--type=full",
            Self::Differential => "--type=diff",
            Self::Incremental => "--type=incr",
        }
    }
}

/// The program with a configuration file.
#[derive(Debug, Clone)]
pub struct PgBackRest {
    program: PathBuf,
    file: PathBuf,
    stanza: String,
    account: Option<Account>,
    cancel: Cancel,
}

impl PgBackRest {
    /// Writes the configuration into `directory`, which is created if it is missing. Only the account
    /// can read it, since it holds the secrets.
    ///
    /// Returns an error if the program is missing or a value is invalid.
    pub fn configure(
        directory: &Path,
        configuration: &Configuration,
        account: Option<Account>,
    ) -> Result<Self, Error> {
        let program = program::find()?;
        let (lock, spool) = (directory.join("lock"), directory.join("spool"));
        let text = configuration.render(&WorkDirectories { lock: &lock, spool: &spool })?;
        for path in [directory, &lock, &spool] {
            make_directory(path, account)?;
        }
        write_private(directory, text.as_bytes(), account)?;
        let stanza = configuration.stanza.clone();
        Ok(Self { program, file: directory.join(FILE), stanza, account, cancel: Cancel::default() })
    }

    /// The program with the configuration that an earlier call wrote into `directory`; `None` if there
    /// is none.
    ///
    /// Returns an error if the program is missing.
    pub fn configured(
        directory: &Path,
        stanza: &str,
        account: Option<Account>,
    ) -> Result<Option<Self>, Error> {
        let file = directory.join(FILE);
        if !file.exists() {
            return Ok(None);
        }
        let program = program::find()?;
        let (stanza, cancel) = (stanza.to_owned(), Cancel::default());
        Ok(Some(Self { program, file, stanza, account, cancel }))
    }

    /// The same program, whose commands end early with [`Error::Cancelled`].
    #[must_use]
    pub fn with_cancel(self, cancel: Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// Removes the configuration from `directory`. Returns whether there was one.
    pub fn forget(directory: &Path) -> Result<bool, Error> {
        let file = directory.join(FILE);
        if !file.exists() {
            return Ok(false);
        }
        fs::remove_file(&file).map_err(Error::io("remove", &file))?;
        Ok(true)
    }

    /// Whether the configuration has a passphrase.
    pub fn is_encrypted(&self) -> Result<bool, Error> {
        self.has_line("repo1-cipher-pass=")
    }

    /// Whether the repository is in a bucket, so that commands need the network.
    pub fn is_in_bucket(&self) -> Result<bool, Error> {
        self.has_line("repo1-type=s3")
    }

    fn has_line(&self, begin: &str) -> Result<bool, Error> {
        Ok(self.value(begin)?.is_some())
    }

    /// The rest of the first line of the configuration that begins with `begin`.
    fn value(&self, begin: &str) -> Result<Option<String>, Error> {
        let text = fs::read_to_string(&self.file).map_err(Error::io("read", &self.file))?;
        Ok(text.lines().find_map(|line| line.strip_prefix(begin)).map(str::to_owned))
    }

    /// The value of `archive_command`. PostgreSQL passes it to a shell.
    pub fn archive_command(&self) -> String {
        format!("{} archive-push \"%p\"", self.server_command())
    }

    /// The value of `restore_command` for a server in this data directory.
    pub fn restore_command(&self, data_directory: &Path) -> String {
        let path = server_word(data_directory);
        format!("{} --pg1-path={path} archive-get %f \"%p\"", self.server_command())
    }

    /// The words that begin each command of the server.
    fn server_command(&self) -> String {
        let (program, file) = (server_word(&self.program), server_word(&self.file));
        format!("{program} --config={file} --stanza={}", self.stanza)
    }

    /// Creates the stanza in the repository unless it exists. The server must run at this socket. A stanza
    /// whose creation was interrupted is replaced if the repository has no backup, and no WAL of another cluster.
    ///
    /// Returns an error for which [`Error::is_other_cluster`] is true if the repository belongs to
    /// another cluster, and [`Error::Incomplete`] if it has something that would be lost.
    pub fn create_stanza(&self, socket: &Path) -> Result<(), Error> {
        let options = [socket_option(socket), REPOSITORY_TIMEOUT.to_owned()];
        match self.run("stanza-create", &options) {
            Err(error) if error.is_incomplete() => {}
            created => return created.map(drop),
        }
        if !self.is_worthless()? {
            return Err(Error::Incomplete { stanza: self.stanza.clone() });
        }
        tracing::warn!("the creation of the backup repository was interrupted; it begins again");
        self.delete_stanza()?;
        self.run("stanza-create", &options).map(drop)
    }

    /// Whether the repository has any file of the stanza.
    pub fn has_files(&self) -> Result<bool, Error> {
        Ok(!self.files("archive")?.is_empty() || !self.files("backup")?.is_empty())
    }

    /// Whether an incomplete repository has no backup, and no WAL of another cluster than that of the
    /// configuration.
    fn is_worthless(&self) -> Result<bool, Error> {
        let (archive, backups) = (self.files("archive")?, self.files("backup")?);
        match unfinished::contents(
            archive.iter().map(String::as_str),
            backups.iter().map(String::as_str),
        ) {
            Contents::Nothing => Ok(true),
            Contents::Other => Ok(false),
            Contents::Wal => {
                let file = format!("archive/{}/archive.info", self.stanza);
                // A damaged or missing file tells nothing.
                let info = self.run_for_all("repo-get", &[REPOSITORY_TIMEOUT.to_owned(), file]);
                let info = info.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
                let archived = info.ok().and_then(|info| unfinished::only_cluster(&info));
                let own = self.value("pg1-path=")?;
                let own = own.and_then(|path| unfinished::cluster_of(Path::new(&path)));
                Ok(archived.is_some() && archived == own)
            }
        }
    }

    /// The files of the stanza below a directory of the repository, relative to it.
    fn files(&self, directory: &str) -> Result<Vec<String>, Error> {
        let options = [
            "--recurse".to_owned(),
            "--output=json".to_owned(),
            REPOSITORY_TIMEOUT.to_owned(),
            format!("{directory}/{}", self.stanza),
        ];
        info::files(&self.run_for_all("repo-ls", &options)?.stdout)
    }

    /// Deletes everything of the stanza from the repository.
    fn delete_stanza(&self) -> Result<(), Error> {
        // The deletion needs a file that would stop the other commands too. So it has a place of its own.
        let place = self.file.with_file_name("delete");
        make_directory(&place, self.account)?;
        let lock = format!("--lock-path={}", place.display());
        self.run("stop", std::slice::from_ref(&lock))?;
        self.run("stanza-delete", &[lock, "--force".to_owned(), REPOSITORY_TIMEOUT.to_owned()])?;
        fs::remove_dir_all(&place).map_err(Error::io("remove", &place))
    }

    /// Makes a new cluster or a new major version the current one of the stanza.
    pub fn upgrade_stanza(&self, socket: &Path) -> Result<(), Error> {
        self.run("stanza-upgrade", &[socket_option(socket)]).map(drop)
    }

    /// Makes a backup and deletes those beyond the retention. The server must run at this socket.
    pub fn backup(&self, kind: BackupKind, socket: &Path) -> Result<(), Error> {
        self.run("backup", &[kind.option().to_owned(), socket_option(socket)]).map(drop)
    }

    /// Lists what the repository holds. The server need not run.
    pub fn info(&self) -> Result<Info, Error> {
        let options = ["--output=json".to_owned(), REPOSITORY_TIMEOUT.to_owned()];
        info::parse(&self.run("info", &options)?.stdout)
    }

    /// Checks the checksums of all files in the repository. Returns a summary, or
    /// [`Error::Damaged`].
    pub fn verify(&self) -> Result<String, Error> {
        let options = ["--output=text".to_owned(), "--verbose".to_owned()];
        let output = self.run("verify", &options)?;
        verification::check(&String::from_utf8_lossy(&output.stdout))
    }

    /// Restores the files of a backup. The replay of WAL begins when a server is started there.
    pub fn restore(&self, restore: &Restore) -> Result<(), Error> {
        self.run("restore", &restore.options()).map(drop)
    }

    /// Runs a command for the stanza. Its warnings go to the log.
    fn run(&self, name: &'static str, options: &[String]) -> Result<Output, Error> {
        let stanza = format!("--stanza={}", self.stanza);
        self.run_for_all(name, &[&[stanza], options].concat())
    }

    /// Runs a command for all stanzas.
    fn run_for_all(&self, name: &'static str, options: &[String]) -> Result<Output, Error> {
        let mut command = Command::new(&self.program);
        // Its variables begin with PGBACKREST_, and those of libpq would affect its connection.
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path))).env("LC_ALL", "C");
        command.arg("--config").arg(&self.file).arg(name).args(options);
        command.current_dir("/").stdin(Stdio::null());
        if let Some(account) = self.account {
            command.gid(account.gid).uid(account.uid);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = child_process::output(&mut command, &self.cancel);
        let output = output.map_err(Error::io("run", &self.program))?;
        let output = output.ok_or(Error::Cancelled { command: name })?;
        let lines = messages(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            log_warnings(&lines);
            return Ok(output);
        }
        if let Some(error) = Error::of_text(&lines.join("; ")) {
            return Err(error);
        }
        let text = if lines.is_empty() { output.status.to_string() } else { lines.join("; ") };
        Err(Error::Failed { command: name, code: output.status.code(), output: text })
    }
}

/// The messages without their level's padding; hints begin with `HINT:`.
fn messages(output: &str) -> Vec<String> {
    output.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// pgBackRest's warning of the first backup after a restore, which is normal.
const TIMELINE_SWITCH: &str = "a timeline switch has occurred";

fn log_warnings(lines: &[String]) {
    if lines.iter().any(|line| line.contains(TIMELINE_SWITCH)) {
        tracing::debug!(target: "pgbackrest", "{}", lines.join("; "));
        return;
    }
    for line in lines {
        tracing::warn!(target: "pgbackrest", "{line}");
    }
}

fn socket_option(socket: &Path) -> String {
    format!("--pg1-socket-path={}", socket.display())
}

/// A path as one word of a shell, within a setting in which PostgreSQL replaces `%p` and the like.
fn server_word(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn make_directory(path: &Path, account: Option<Account>) -> Result<(), Error> {
    if !path.exists() {
        fs::create_dir(path).map_err(Error::io("create the directory", path))?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))
        .map_err(Error::io("set the mode of", path))?;
    give(path, account)
}

fn give(path: &Path, account: Option<Account>) -> Result<(), Error> {
    let Some(Account { uid, gid }) = account else { return Ok(()) };
    chown(path, Some(uid), Some(gid)).map_err(Error::io("change the owner of", path))
}

/// Replaces the file at once, so that a running server never reads a part of it.
fn write_private(directory: &Path, text: &[u8], account: Option<Account>) -> Result<(), Error> {
    let file = directory.join(FILE);
    let failed = || Error::io("write", &file);
    // Its mode is 0600.
    let mut new = tempfile::NamedTempFile::new_in(directory).map_err(failed())?;
    new.write_all(text).and_then(|()| new.as_file().sync_all()).map_err(failed())?;
    give(new.path(), account)?;
    new.persist(&file).map_err(|error| failed()(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_commands_quote_paths_for_shell_and_server() {
        let program = PgBackRest {
            program: "/usr/bin/pgbackrest".into(),
            file: "/it's 100%/pgbackrest.conf".into(),
            stanza: "main".into(),
            account: None,
            cancel: Cancel::default(),
        };
        let begin =
            r"'/usr/bin/pgbackrest' --config='/it'\''s 100%%/pgbackrest.conf' --stanza=main";
        assert_eq!(program.archive_command(), format!(r#"{begin} archive-push "%p""#));
        assert_eq!(
            program.restore_command(Path::new("/data")),
            format!(r#"{begin} --pg1-path='/data' archive-get %f "%p""#)
        );
    }
}
