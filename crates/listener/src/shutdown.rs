//! The two steps of a shutdown: drain, then stop.

use tokio_util::sync::CancellationToken;

/// Starts the shutdown of a server, and reports its progress. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
}

impl Shutdown {
    /// Begins to drain: the server still accepts and serves, but closes each connection after its
    /// next response. A client that keeps connections open then moves to another replica.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Begins to stop: the server finishes the requests in flight and ends.
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Whether draining or stopping has begun.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Completes when draining or stopping begins.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Completes when stopping begins.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}
