//! Logs: one line an event on standard output, as text or as JSON.
//!
//! Writing never blocks the server: a thread of its own writes, and when whoever reads the output
//! stalls, lines are dropped and counted rather than waited for.

use std::{
    io::{self, BufWriter, Write},
    panic,
    sync::mpsc,
    thread,
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::request::loggable_id;

/// How many lines may wait for the writing thread before lines are dropped; about 4 MiB.
const BUFFERED_LINES: usize = 16_384;

/// How long lines gather: as many as there is room for come only above 3 million a second.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the lines that still wait at the end may take: a bit more than the library waits for them.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How many bytes leave at once, at most.
const WRITE_SIZE: usize = 64 * 1024;

/// Starts logging for the whole process, as JSON or as text. The lines that still wait are written when the result drops.
///
/// # Errors
/// When logging was started before.
pub fn start(json: bool, filter: EnvFilter) -> Result<Logs, StartError> {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BUFFERED_LINES)
        .finish(Gathering(BufWriter::with_capacity(WRITE_SIZE, io::stdout())));
    let dropped = writer.error_counter();
    let lines = fmt::layer().with_writer(writer).with_target(true);
    let registry = tracing_subscriber::registry().with(filter);
    let started = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        let color = io::IsTerminal::is_terminal(&io::stdout());
        registry.with(lines.with_ansi(color)).try_init()
    };
    started.map_err(|_| StartError)?;
    log_panics();
    Ok(Logs { dropped, guard: Some(guard) })
}

/// Lets lines gather, so that a busy server does not wake the writing thread for each. That thread
/// flushes when no line waits; whatever comes during the pause leaves with the next.
struct Gathering<W>(W);

impl<W: Write> Write for Gathering<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(PAUSE);
        Ok(())
    }
}

/// A panic is an event like others, in the log's own form, with the request that it happened in.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        tracing::error!(request_id = loggable_id(), cause = %panic, "panicked");
    }));
}

/// The log, while it is written.
pub struct Logs {
    dropped: ErrorCounter,
    guard: Option<WorkerGuard>,
}

impl Logs {
    /// What counts the lines that were dropped because whoever reads the output had stalled.
    #[must_use]
    pub fn dropped(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let guard = self.guard.take();
        let (written, is_written) = mpsc::channel();
        // In a thread that nobody has to wait for: of a full queue the library complains on the very
        // output whose reader has stalled.
        thread::spawn(move || {
            drop(guard);
            let _ = written.send(());
        });
        let _ = is_written.recv_timeout(LAST_LINES);
    }
}

/// Logging was started before.
#[derive(Debug, thiserror::Error)]
#[error("logging was started before")]
pub struct StartError;
