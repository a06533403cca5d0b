//! Forwards the server's standard error to the log, as target `postgres`.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, PipeReader, pipe},
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// The number of lines kept for the error of a failed start.
const KEPT_LINES: usize = 10;

/// How long to wait for the last lines of a server that ended. Its child processes may keep the pipe
/// open for longer.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The log of one server process.
#[derive(Debug)]
pub(crate) struct ServerLog {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Set when this program stops the server.
    stopping: Arc<AtomicBool>,
    /// Disconnected once the server's end of the pipe is closed.
    open: mpsc::Receiver<()>,
}

impl ServerLog {
    /// Starts a thread that reads a pipe. Returns the pipe's write end for the server.
    pub(crate) fn open() -> io::Result<(Self, Stdio)> {
        let (reader, writer) = pipe()?;
        // If the pipe is full, the server drops the message instead of waiting for this process.
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let (lines, stopping) = (Arc::default(), Arc::default());
        let (alive, open) = mpsc::channel();
        let (kept, is_stopping) = (Arc::clone(&lines), Arc::clone(&stopping));
        thread::Builder::new().name("postgres-log".to_owned()).spawn(move || {
            read(reader, &kept, &is_stopping);
            drop(alive);
        })?;
        Ok((Self { lines, stopping, open }, writer.into()))
    }

    /// Announces that this program stops the server: from now on, FATAL messages only report
    /// connections that the stop ends.
    pub(crate) fn expect_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The server's last messages. The server may still be running.
    pub(crate) fn last_messages(&self) -> String {
        // Nothing is sent: this returns when the pipe closes, or after the time-out.
        let _ = self.open.recv_timeout(LAST_LINES);
        Vec::from(lock(&self.lines).clone()).join("; ")
    }
}

fn lock(lines: &Mutex<VecDeque<String>>) -> MutexGuard<'_, VecDeque<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(reader: PipeReader, kept: &Mutex<VecDeque<String>>, stopping: &AtomicBool) {
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        log_line(&line, stopping.load(Ordering::Relaxed));
        let mut kept = lock(kept);
        kept.push_back(line);
        if kept.len() > KEPT_LINES {
            kept.pop_front();
        }
    }
}

/// A FATAL message ends one connection, which is normal during a stop; a PANIC ends all connections.
fn log_line(line: &str, stopping: bool) {
    if line.starts_with("PANIC:") {
        tracing::error!(target: "postgres", "{line}");
    } else if line.starts_with("FATAL:") && !stopping {
        tracing::warn!(target: "postgres", "{line}");
    } else {
        tracing::debug!(target: "postgres", "{line}");
    }
}
