//! Logs: one line per event on standard output or standard error, as text or as JSON.
//!
//! Writing never blocks the server. A separate thread writes. If the reader is too slow, the
//! log drops lines and counts them.

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal as _, Write},
    panic,
    sync::mpsc,
    thread,
    time::Duration,
};

use tracing::{Event, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    filter::filter_fn,
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{Format, Json, JsonFields, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::request::SPAN;

/// The most lines that wait for the writing thread; about 4 MiB. Further lines are dropped.
const BUFFERED_LINES: usize = 16_384;

/// How long lines are gathered before a write. Only above 3 million lines per second does the
/// buffer fill in this time.
const PAUSE: Duration = Duration::from_millis(5);

/// The longest time for writing the last lines, slightly longer than the library's time-out.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(2);

const WRITE_SIZE: usize = 64 * 1024;

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    StandardOutput,
    /// Standard error.
    StandardError,
}

/// Starts logging for the process. Dropping the result writes the lines that still wait.
///
/// Returns an error if logging was started before.
pub fn start(json: bool, filter: EnvFilter, stream: Stream) -> Result<Logs, StartError> {
    let (output, is_terminal): (Box<dyn Write + Send>, _) = match stream {
        Stream::StandardOutput => (Box::new(io::stdout()), io::stdout().is_terminal()),
        Stream::StandardError => (Box::new(io::stderr()), io::stderr().is_terminal()),
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BUFFERED_LINES)
        .finish(Gathering(BufWriter::with_capacity(WRITE_SIZE, output)));
    let dropped = writer.error_counter();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let safe = filter_fn(|metadata| !may_show_secret(metadata));
    let registry = tracing_subscriber::registry().with(filter).with(safe);
    let started = if json {
        let lines = lines.fmt_fields(JsonFields::new()).event_format(JsonLine::new());
        registry.with(lines).try_init()
    } else {
        registry.with(lines.with_ansi(is_terminal)).try_init()
    };
    started.map_err(|_| StartError)?;
    log_panics();
    Ok(Logs { dropped, guard: Some(guard) })
}

/// Whether an event of the database driver shows a value that may be a secret, whatever the log's filter: a
/// line of a password file, or the value of an unknown parameter in a URL.
fn may_show_secret(metadata: &Metadata<'_>) -> bool {
    let has = |field| metadata.fields().field(field).is_some();
    metadata.target().starts_with("sqlx_postgres::options") && (has("line") || has("value"))
}

/// A JSON object with the fields of the event and of the request's span at its top level.
struct JsonLine(Format<Json>);

impl JsonLine {
    fn new() -> Self {
        let format = tracing_subscriber::fmt::format().json().flatten_event(true);
        Self(format.with_current_span(false).with_span_list(false))
    }
}

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let request = context.event_scope().into_iter().flatten().find(|it| it.name() == SPAN);
        let Some(request) = request else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let extensions = request.extensions();
        let fields = extensions.get::<FormattedFields<JsonFields>>();
        let fields = fields.and_then(|fields| fields.strip_prefix('{'));
        // Both are objects: the span's fields replace the end of the event.
        match (line.strip_suffix("}\n"), fields) {
            (Some(event), Some(fields)) => writeln!(writer, "{event},{fields}"),
            _ => writer.write_str(&line),
        }
    }
}

/// Gathers lines, so that a busy server does not wake the writing thread for each.
///
/// The thread flushes when no line waits. Lines that arrive during the pause are written together.
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

/// Logs each panic as an event, within the span of its request.
fn log_panics() {
    panic::set_hook(Box::new(|panic| tracing::error!(cause = %panic, "panicked")));
}

/// The running log.
#[must_use]
pub struct Logs {
    dropped: ErrorCounter,
    guard: Option<WorkerGuard>,
}

impl Logs {
    /// The counter of dropped lines.
    pub fn dropped(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let guard = self.guard.take();
        let (written, is_written) = mpsc::channel();
        // Dropping the guard can block: if the queue is full, the library prints an error to the
        // output that is blocked. The process ends without waiting for this thread.
        let end = move || {
            drop(guard);
            let _ = written.send(());
        };
        // A process that may have no more threads drops the guard here.
        let _ = thread::Builder::new().spawn(end);
        let _ = is_written.recv_timeout(LAST_LINES_TIMEOUT);
    }
}

/// Logging was started before.
#[derive(Debug, thiserror::Error)]
#[error("logging was started before")]
pub struct StartError;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{Instrument, instrument::WithSubscriber};

    use super::*;
    use crate::telemetry::request::RequestId;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Buffer {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
        }
    }

    /// The log, as JSON and as text, of a request whose spawned task panics.
    async fn log_of_a_panic(id: RequestId) -> [String; 2] {
        let (json, text) = (Buffer::default(), Buffer::default());
        let lines = tracing_subscriber::fmt::layer().with_ansi(false);
        let as_text = lines.with_writer(writer(&text));
        let lines = tracing_subscriber::fmt::layer().with_writer(writer(&json));
        let as_json = lines.fmt_fields(JsonFields::new()).event_format(JsonLine::new());
        let request = || async move {
            let write = async { "x".parse::<u8>().map(drop).expect("a defect") }
                .in_current_span()
                .with_current_subscriber();
            let result: Result<(), _> = tokio::spawn(write).await;
            result.expect_err("a panic");
        };
        let with_text = tracing_subscriber::registry().with(as_text);
        async { id.scope(id.span(), request()).await }.with_subscriber(with_text).await;
        let with_json = tracing_subscriber::registry().with(as_json);
        async { id.scope(id.span(), request()).await }.with_subscriber(with_json).await;
        [json.text(), text.text()]
    }

    fn writer(buffer: &Buffer) -> impl Fn() -> Buffer + use<> {
        let buffer = buffer.clone();
        move || buffer.clone()
    }

    #[tokio::test]
    async fn a_panic_in_a_spawned_task_is_logged_with_the_request_id() {
        let hook = panic::take_hook();
        log_panics();
        let id = RequestId::random();
        let [json, text] = log_of_a_panic(id).await;
        panic::set_hook(hook);

        let line: serde_json::Value = serde_json::from_str(&json).expect(&json);
        assert_eq!(line["request_id"], id.to_string());
        assert_eq!(line["message"], "panicked");
        assert!(line["cause"].as_str().is_some_and(|it| it.contains("a defect")), "{line}");
        assert!(text.contains(&format!("request_id={id}")) && text.contains("a defect"), "{text}");
    }
}
