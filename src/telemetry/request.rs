//! The identity of the request that the current task serves, for logs and error answers.

use std::{error::Error, fmt};

tokio::task_local! {
    static CURRENT: RequestId;
}

/// A random number that names one request in the logs and in the `x-request-id` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The identity of the request that the current task serves; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    /// Runs `future` as the service of this request.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The identity of the request that the current task serves, as a field of a line in the log; empty
/// outside of one.
#[must_use]
pub fn loggable_id() -> String {
    RequestId::current().map(|id| id.to_string()).unwrap_or_default()
}

/// A failure's text, followed by those of its causes.
#[must_use]
pub fn with_causes(failure: &dyn Error) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // A transparent error says what its cause says.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Logs the cause of a failure that the client is told nothing of but the request's identity.
/// Called once, where the failure becomes an answer.
pub fn log_failure(failure: &dyn Error) {
    let request_id = loggable_id();
    tracing::error!(request_id, cause = with_causes(failure), "request failed");
}
