//! Request ids, and the texts of errors in the log.

use std::{error::Error, fmt};

use tokio::task::JoinError;
use tracing::{Instrument, Span};

/// The name of the span around each request. Each line logged within it has its fields.
pub(super) const SPAN: &str = "request";

tokio::task_local! {
    static CURRENT: RequestId;
}

/// A random number that names one request in the log and in the `x-request-id` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    /// Creates a random id.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The id of the request that the current task serves, for the response.
    ///
    /// A spawned task has none. Its log lines get the id from the span, if it runs in
    /// [`Span::current`].
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    /// A span that adds this id to each line logged within.
    ///
    /// Its level is `ERROR`: otherwise a filter could drop the span and keep a line within it.
    pub fn span(self) -> Span {
        tracing::error_span!(SPAN, request_id = %self)
    }

    /// Runs `future`, which serves this request, in `span`.
    pub async fn scope<F: Future>(self, span: Span, future: F) -> F::Output {
        CURRENT.scope(self, future.instrument(span)).await
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The texts of `error` and its causes.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // A transparent error has the text of its cause.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The longest text of a client in a log line, in bytes.
const MAX_LOGGED_BYTES: usize = 1_024;

/// The beginning of a text that a client chose, such as a path.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LOGGED_BYTES)]
}

/// Logs an internal error with its causes. The client gets only the request id.
///
/// Called once per error, where it becomes a response. The panic hook has logged a panic.
pub fn log_failure(error: &dyn Error) {
    if is_panic(error) {
        return;
    }
    tracing::error!(cause = with_causes(error), "request failed");
}

/// True if a task that panicked caused `error`.
fn is_panic(error: &dyn Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.downcast_ref().is_some_and(JoinError::is_panic) {
            return true;
        }
        source = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_1_kb_between_characters() {
        for (text, length) in [
            ("/a".to_owned(), 2),
            ("a".repeat(5_000), 1_024),
            ("é".repeat(600), 1_024),
            (format!("a{}", "🦀".repeat(300)), 1_021),
        ] {
            assert_eq!(cut(&text).len(), length);
            assert!(text.starts_with(cut(&text)));
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("a task failed")]
    struct Failed(#[source] JoinError);

    #[tokio::test]
    async fn a_panic_is_recognized() {
        let panicked = tokio::spawn(async { "x".parse::<u8>().map(drop).expect("a defect") });
        assert!(is_panic(&Failed(panicked.await.expect_err("a panic"))));
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        let cancelled = task.await.expect_err("cancelled");
        assert!(!is_panic(&Failed(cancelled)));
    }
}
