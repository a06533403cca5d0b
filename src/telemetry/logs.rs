//! Logs: one line an event on standard output, as text or as JSON.
//!
//! Writing never blocks the server: a thread of its own writes, and when whoever reads the output
//! stalls, lines are dropped and counted rather than waited for.

use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How many lines may wait for the writing thread before lines are dropped; about 4 MiB.
const BUFFERED_LINES: usize = 16_384;

/// Starts logging for the whole process, as JSON or as text. The lines that still wait are written when the guard drops.
///
/// # Errors
/// When logging was started before.
pub fn start(json: bool, filter: EnvFilter) -> Result<WorkerGuard, StartError> {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BUFFERED_LINES)
        .finish(io::stdout());
    let lines = fmt::layer().with_writer(writer).with_target(true);
    let registry = tracing_subscriber::registry().with(filter);
    let started = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        let color = io::IsTerminal::is_terminal(&io::stdout());
        registry.with(lines.with_ansi(color)).try_init()
    };
    started.map_err(|_| StartError)?;
    Ok(guard)
}

/// Logging was started before.
#[derive(Debug, thiserror::Error)]
#[error("logging was started before")]
pub struct StartError;
