//! Carries what the server writes to its standard error into our log, as target `postgres`.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, PipeReader, pipe},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How many lines are kept for the error of a failed start.
const KEPT_LINES: usize = 10;

/// How long a server's last words may take from its end to us. Processes that outlive it keep the
/// pipe open, so that its end is no sure sign.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The log of one server process.
#[derive(Debug)]
pub(super) struct ServerLog {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Disconnected when the server's end of the pipe is closed.
    open: mpsc::Receiver<()>,
}

impl ServerLog {
    /// Starts a thread that reads a pipe. Returns the pipe's other end for the server.
    pub(super) fn open() -> io::Result<(Self, Stdio)> {
        let (reader, writer) = pipe()?;
        // A server that cannot write drops the message; it never waits for our log.
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let lines = Arc::default();
        let (alive, open) = mpsc::channel();
        let kept = Arc::clone(&lines);
        thread::Builder::new().name("postgres-log".to_owned()).spawn(move || {
            read(reader, &kept);
            drop(alive);
        })?;
        Ok((Self { lines, open }, writer.into()))
    }

    /// The last messages of a server that ended, or of one that still runs.
    pub(super) fn last_messages(&self) -> String {
        // Nothing is ever sent: this ends when the pipe closes, or in time.
        let _ = self.open.recv_timeout(LAST_WORDS);
        Vec::from(lock(&self.lines).clone()).join("; ")
    }
}

fn lock(lines: &Mutex<VecDeque<String>>) -> MutexGuard<'_, VecDeque<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(reader: PipeReader, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        record(&line);
        let mut kept = lock(kept);
        kept.push_back(line);
        if kept.len() > KEPT_LINES {
            kept.pop_front();
        }
    }
}

/// A FATAL message ends one connection, be it that the server stops; a PANIC ends all of them.
fn record(line: &str) {
    if line.starts_with("PANIC:") {
        tracing::error!(target: "postgres", "{line}");
    } else if line.starts_with("FATAL:") {
        tracing::warn!(target: "postgres", "{line}");
    } else {
        tracing::debug!(target: "postgres", "{line}");
    }
}
