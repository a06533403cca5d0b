//! How a server is told to end: first to drain, while it goes on serving and whoever spreads requests
//! over the replicas learns that it should get no more of them, then to stop.

use tokio_util::sync::CancellationToken;

/// Tells a server to end. Clones tell, and are told, the same.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    stop: CancellationToken,
}

impl Shutdown {
    /// Has the server serve on, but say that it is not ready, and end each connection with the next
    /// answer on it, so that a client which keeps connections turns to another replica.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Has the server answer what it has been asked, and end.
    pub fn stop(&self) {
        self.draining.cancel();
        self.stop.cancel();
    }

    /// Whether the server drains, or stops already.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Done when the server has been told to end, be it that it is to drain first.
    pub async fn told(&self) {
        self.draining.cancelled().await;
    }

    /// Done when the server has been told to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}
