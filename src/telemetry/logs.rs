//! Logs: one line an event on standard output, as text or as JSON.
//!
//! Writing never blocks the server: a thread of its own writes, and when whoever reads the output
//! stalls, lines are dropped and counted rather than waited for.

use std::{
    io::{self, BufWriter},
    panic,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::request::loggable_id;

/// How many lines may wait for the writing thread before lines are dropped; about 4 MiB.
const BUFFERED_LINES: usize = 16_384;

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
        // The writing thread flushes when no line waits, so that lines leave together only when many do.
        .finish(BufWriter::with_capacity(WRITE_SIZE, io::stdout()));
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
    Ok(Logs { dropped, _guard: guard })
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
    _guard: WorkerGuard,
}

impl Logs {
    /// What counts the lines that were dropped because whoever reads the output had stalled.
    #[must_use]
    pub fn dropped(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

/// Logging was started before.
#[derive(Debug, thiserror::Error)]
#[error("logging was started before")]
pub struct StartError;
