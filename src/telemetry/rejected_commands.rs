//! The file of rejected simulator commands: one JSON object a line, with all that a repair needs.
//!
//! The log omits e-mail addresses and texts, because more people and systems read it. Only the owner of
//! the process can read this file. A separate thread writes, so a slow disk delays no request.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{metrics, request::RequestId};

/// The size at which a new file begins: about 30,000 commands.
const MAX_BYTES: u64 = 10 * 1024 * 1024;
/// The number of full files that are kept, named `FILE.1` (the newest) to `FILE.4`.
const KEPT_FILES: u32 = 4;
const MODE: u32 = 0o600;
/// The most lines that wait for the thread. Further ones are dropped and counted.
const BUFFERED_LINES: usize = 4_096;
/// The most lines per minute of clients without the credentials, which must not displace the
/// simulator's.
const ANONYMOUS_PER_MINUTE: u32 = 60;
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(2);

static SINK: OnceLock<Sink> = OnceLock::new();

/// A rejected command: all that a repair needs, except the password.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RejectedCommand<'a> {
    /// The kind of command.
    pub command: &'static str,
    /// The status of the response.
    pub status: u16,
    /// The text of the response.
    pub reason: &'a str,
    /// Whether the request had the simulator's credentials.
    pub authenticated: bool,
    /// The acting user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<&'a str>,
    /// The e-mail address of a registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// The text of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// The user to follow or to unfollow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followee: Option<&'a str>,
    /// The path of a request whose body was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    request_id: Option<String>,
    #[serde(flatten)]
    command: RejectedCommand<'a>,
}

struct Sink {
    lines: Mutex<Option<SyncSender<String>>>,
    anonymous: Mutex<(Instant, u32)>,
}

/// Starts writing to this file for the process. Dropping the result writes the lines that wait.
///
/// Returns an error if the file cannot be opened.
pub fn start(path: &Path) -> io::Result<Writing> {
    let mut log = RotatedFile::open(path)?;
    let (sender, lines) = mpsc::sync_channel(BUFFERED_LINES);
    let (ended, has_ended) = mpsc::sync_channel(1);
    thread::Builder::new().name("rejected-commands".to_owned()).spawn(move || {
        write_all(&mut log, &lines);
        let _ = ended.send(());
    })?;
    let sink = Sink { lines: Mutex::new(Some(sender)), anonymous: Mutex::new((Instant::now(), 0)) };
    // A process starts once; the sender of a second sink is dropped, and its thread ends.
    let _ = SINK.set(sink);
    Ok(Writing { has_ended })
}

/// Writes a command to the file, if there is one.
pub fn record(command: RejectedCommand<'_>) {
    let Some(sink) = SINK.get() else { return };
    if !command.authenticated && !sink.admits_anonymous(Instant::now()) {
        return metrics::rejected_commands_dropped();
    }
    let line = Line {
        time: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        request_id: RequestId::current().map(|id| id.to_string()),
        command,
    };
    // Serializing strings and numbers cannot fail.
    let text = serde_json::to_string(&line).unwrap_or_default();
    let lines = sink.lines.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.as_ref().is_none_or(|lines| lines.try_send(text).is_err()) {
        metrics::rejected_commands_dropped();
    }
}

impl Sink {
    fn admits_anonymous(&self, now: Instant) -> bool {
        let mut window = self.anonymous.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(window.0) >= Duration::from_secs(60) {
            *window = (now, 0);
        }
        window.1 += 1;
        window.1 <= ANONYMOUS_PER_MINUTE
    }
}

/// The running thread.
#[must_use]
#[derive(Debug)]
pub struct Writing {
    has_ended: Receiver<()>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(sink) = SINK.get() {
            sink.lines.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        // A blocked disk must not block the end of the process.
        if let Err(RecvTimeoutError::Timeout) = self.has_ended.recv_timeout(LAST_LINES_TIMEOUT) {
            tracing::warn!("abandoning rejected commands that are not written yet");
        }
    }
}

/// Writes lines until the sender is dropped. Logs only the first of consecutive failures.
fn write_all(log: &mut RotatedFile, lines: &Receiver<String>) {
    let mut failing = false;
    for line in lines {
        let written = log.write(&line);
        if let Err(error) = &written {
            metrics::rejected_commands_dropped();
            if !failing {
                tracing::warn!(%error, path = %log.path.display(), "cannot write a rejected command");
            }
        }
        failing = written.is_err();
    }
}

/// A file that is renamed when it is full.
struct RotatedFile {
    path: PathBuf,
    file: File,
    size: u64,
    max_size: u64,
}

impl RotatedFile {
    fn open(path: &Path) -> io::Result<Self> {
        Self::with_size(path, MAX_BYTES)
    }

    fn with_size(path: &Path, max_size: u64) -> io::Result<Self> {
        let file = open_private(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, max_size })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        let length = line.len() as u64;
        if self.size > 0 && self.size + length > self.max_size {
            self.rotate()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.size += length;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT_FILES).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))?;
        *self = Self::with_size(&self.path, self.max_size)?;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Opens a file that only the owner can read. Follows no symbolic link, because another user may be
/// able to write to the directory.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(MODE).custom_flags(nix::libc::O_NOFOLLOW);
    let file = options.open(path)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn a_full_file_is_renamed_and_the_oldest_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rejected.jsonl");
        let mut log = RotatedFile::with_size(&path, 8).expect("opened");
        for number in 0..20 {
            log.write(&format!("{number:03}")).expect("written");
        }
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).ok();
        assert_eq!(read("rejected.jsonl").as_deref(), Some("018\n019\n"));
        assert_eq!(read("rejected.jsonl.1").as_deref(), Some("016\n017\n"));
        assert_eq!(read("rejected.jsonl.4").as_deref(), Some("010\n011\n"));
        assert_eq!(read("rejected.jsonl.5"), None);
        for number in 1..=4 {
            assert_eq!(mode(&log.numbered(number)), MODE);
        }
    }

    #[test]
    fn only_the_owner_can_read_the_file_and_lines_are_appended() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rejected.jsonl");
        fs::write(&path, "old\n").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("changed");
        RotatedFile::open(&path).expect("opened").write("new").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "old\nnew\n");
        assert_eq!(mode(&path), MODE);
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        assert!(RotatedFile::open(&link).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn clients_without_credentials_cannot_fill_the_file() {
        let start = Instant::now();
        let sink = Sink { lines: Mutex::new(None), anonymous: Mutex::new((start, 0)) };
        let admitted = (0..1_000).filter(|_| sink.admits_anonymous(start)).count();
        assert_eq!(admitted, ANONYMOUS_PER_MINUTE as usize);
        assert!(sink.admits_anonymous(start + Duration::from_secs(60)));
    }
}
