//! The configuration file of pgBackRest.

use std::{
    fmt::Write as _,
    num::NonZero,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// A repository, and the PostgreSQL server whose data it holds.
#[derive(Clone)]
pub struct Configuration {
    /// Where the repository is.
    pub storage: Storage,
    /// Encrypts the repository with AES-256-CBC.
    pub passphrase: Option<String>,
    /// The number of full backups to keep. Older ones are deleted with the WAL that only they need.
    pub full_backups_kept: u32,
    /// The name of the server within the repository.
    pub stanza: String,
    /// The server.
    pub server: Server,
}

/// A PostgreSQL server on a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The data directory of the server itself, absolute.
    pub data_directory: PathBuf,
    /// The port, which names the socket's file.
    pub port: u16,
    /// A role that may start backups.
    pub role: String,
}

/// Where a repository is.
#[derive(Clone)]
pub enum Storage {
    /// A directory, absolute.
    Directory(PathBuf),
    /// A bucket of an S3-compatible service.
    S3(S3),
}

/// A bucket of an S3-compatible service.
#[derive(Clone)]
pub struct S3 {
    /// The name of the bucket.
    pub bucket: String,
    /// The host of the service, with a port if that is not 443.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// The access key.
    pub key: String,
    /// The secret of the access key.
    pub secret: String,
    /// The certificate authority of the service; `None` uses those of the system.
    pub ca_file: Option<PathBuf>,
}

/// The directories that pgBackRest uses besides the repository.
pub(crate) struct WorkDirectories<'a> {
    pub(crate) lock: &'a Path,
    pub(crate) spool: &'a Path,
}

impl Configuration {
    /// The text of the configuration file. Returns an error if a value would break a line.
    pub(crate) fn render(&self, work: &WorkDirectories<'_>) -> Result<String, Error> {
        let mut file = File::default();
        file.section("global");
        self.storage(&mut file)?;
        if let Some(passphrase) = &self.passphrase {
            file.line("repo1-cipher-type", "passphrase", "aes-256-cbc")?;
            file.line("repo1-cipher-pass", "passphrase", passphrase)?;
        }
        let kept = self.full_backups_kept.max(1).to_string();
        file.line("repo1-retention-full", "retention", &kept)?;
        // Many small files become few.
        file.line("repo1-bundle", "", "y")?;
        file.line("compress-type", "", "zst")?;
        file.line("process-max", "", &processes().to_string())?;
        // Otherwise a backup waits for the next checkpoint, up to five minutes.
        file.line("start-fast", "", "y")?;
        file.path("lock-path", work.lock)?;
        file.path("spool-path", work.spool)?;
        // The commands' output is enough, and a log file would need a rotation.
        file.line("log-level-file", "", "off")?;
        file.line("log-level-console", "", "off")?;
        file.line("log-level-stderr", "", "warn")?;
        file.line("log-timestamp", "", "n")?;
        file.section(&self.stanza);
        file.path("pg1-path", &self.server.data_directory)?;
        file.line("pg1-port", "", &self.server.port.to_string())?;
        file.line("pg1-user", "role", &self.server.role)?;
        Ok(file.0)
    }

    fn storage(&self, file: &mut File) -> Result<(), Error> {
        match &self.storage {
            Storage::Directory(path) => file.path("repo1-path", path),
            Storage::S3(s3) => {
                let (host, port) = host_and_port(&s3.endpoint);
                file.line("repo1-type", "", "s3")?;
                file.line("repo1-path", "", &format!("/{}", self.stanza))?;
                file.line("repo1-s3-bucket", "bucket", &s3.bucket)?;
                file.line("repo1-s3-endpoint", "endpoint", host)?;
                file.line("repo1-storage-port", "endpoint", port)?;
                file.line("repo1-s3-region", "region", &s3.region)?;
                file.line("repo1-s3-key", "key", &s3.key)?;
                file.line("repo1-s3-key-secret", "secret", &s3.secret)?;
                // Other services than Amazon's have no host name for each bucket.
                file.line("repo1-s3-uri-style", "", "path")?;
                match &s3.ca_file {
                    Some(ca_file) => file.path("repo1-storage-ca-file", ca_file),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The processes of a backup or restore. They wait for disk and network most of the time.
fn processes() -> usize {
    std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 8)
}

fn host_and_port(endpoint: &str) -> (&str, &str) {
    match endpoint.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (endpoint, "443"),
    }
}

/// The text of an INI file. It has no escape characters: a value ends with its line, and white space
/// around it is ignored.
#[derive(Default)]
struct File(String);

impl File {
    fn section(&mut self, name: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "[{name}]");
    }

    fn line(&mut self, key: &str, what: &'static str, value: &str) -> Result<(), Error> {
        let invalid = |reason| Err(Error::InvalidValue { what, reason });
        if value.is_empty() {
            return invalid("is empty");
        }
        if value.chars().any(char::is_control) {
            return invalid("contains a control character");
        }
        if value.trim() != value {
            return invalid("begins or ends with white space");
        }
        let _ = writeln!(self.0, "{key}={value}");
        Ok(())
    }

    fn path(&mut self, key: &str, path: &Path) -> Result<(), Error> {
        let Some(text) = path.to_str().filter(|_| path.is_absolute()) else {
            let reason = "is no absolute path in UTF-8";
            return Err(Error::InvalidValue { what: "path", reason });
        };
        self.line(key, "path", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(storage: Storage) -> Configuration {
        Configuration {
            storage,
            passphrase: Some("correct # horse = battery; staple".into()),
            full_backups_kept: 4,
            stanza: "app".into(),
            server: Server {
                data_directory: "/srv/app data/postgres".into(),
                port: 5432,
                role: "owner".into(),
            },
        }
    }

    fn s3() -> S3 {
        S3 {
            bucket: "backups".into(),
            endpoint: "s3.example.org:9000".into(),
            region: "eu".into(),
            key: "K".into(),
            secret: "S".into(),
            ca_file: None,
        }
    }

    fn render(configuration: &Configuration) -> Result<String, Error> {
        let (lock, spool) = (Path::new("/run/app/lock"), Path::new("/run/app/spool"));
        configuration.render(&WorkDirectories { lock, spool })
    }

    #[test]
    fn a_directory_is_rendered_with_encryption_and_retention() {
        let text = render(&configuration(Storage::Directory("/backups".into()))).unwrap();
        for line in [
            "repo1-path=/backups",
            "repo1-cipher-type=aes-256-cbc",
            "repo1-cipher-pass=correct # horse = battery; staple",
            "repo1-retention-full=4",
            "lock-path=/run/app/lock",
            "[app]\npg1-path=/srv/app data/postgres\npg1-port=5432\npg1-user=owner",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
        assert!(text.starts_with("[global]\n"), "{text}");
    }

    #[test]
    fn a_bucket_is_rendered_with_host_and_port() {
        let text = render(&configuration(Storage::S3(s3()))).unwrap();
        for line in [
            "repo1-type=s3",
            "repo1-path=/app",
            "repo1-s3-endpoint=s3.example.org",
            "repo1-storage-port=9000",
            "repo1-s3-key-secret=S",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
        assert_eq!(host_and_port("s3.example.org"), ("s3.example.org", "443"));
    }

    #[test]
    fn a_value_that_would_add_a_line_or_lose_its_white_space_is_an_error() {
        for passphrase in ["a\nrepo1-path=/", "a\0b", " a", "a ", ""] {
            let mut configuration = configuration(Storage::Directory("/backups".into()));
            configuration.passphrase = Some(passphrase.to_owned());
            let error = render(&configuration).unwrap_err().to_string();
            assert!(error.contains("the passphrase of the backup repository"), "{error}");
        }
        let relative = configuration(Storage::Directory("backups".into()));
        assert!(render(&relative).is_err());
        let bucket = S3 { bucket: "a\nb".into(), ..s3() };
        assert!(render(&configuration(Storage::S3(bucket))).is_err());
    }
}
