//! Live: finds new messages and sends them to streams.
//!
//! While a server has subscribers, one task polls the database for all of them. It polls after each
//! post on this server, and every [`poller::POLL_INTERVAL`] for posts on other replicas. It sends
//! messages in timeline order, once no earlier message can still be committed (see [`watermark`]).
//! So a position tells, on every replica, which messages a subscriber has received. The watermark
//! stops waiting for a transaction that outlasts every statement of this program; streams omit its
//! messages.
//!
//! If posts outpace deliveries, the task skips messages and keeps the streams open. Closing them
//! would make all clients reconnect and query the overloaded database at once.

mod channel;
mod delivery;
mod plan;
mod poller;
#[cfg(test)]
mod replay;
mod request;
mod subscribers;
mod subscription;
mod watermark;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{Semaphore, broadcast, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use delivery::Render;
pub use request::{Credential, SubscribeRequest, Timeline};
pub use subscription::{StreamEvent, Subscription};

use super::error::Error;
use crate::{
    db::{Class, Database, messages::live},
    domain::Cursor,
    telemetry::{metrics::InFlightGauge, saturation::QueueState},
};
use channel::Channel;
use poller::Poller;
use subscribers::Subscribers;
use watermark::Watermark;

/// Settings of the streams.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// How many streams may be open at once.
    pub clients: usize,
    /// How many deliveries are kept for slow clients. The stream of a client that lags further behind
    /// ends.
    pub backlog: usize,
    /// The longest time without an event.
    pub heartbeat: Duration,
    /// How far deliveries may lag behind posts before messages are skipped.
    pub max_lag: Duration,
}

pub(super) struct Live {
    poller: Poller,
    settings: StreamSettings,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Live {
    /// Starts no task yet. `public_version` changes with each post on this server. `tasks` tracks
    /// the poller.
    pub(super) fn new(
        database: Database,
        settings: StreamSettings,
        public_version: watch::Sender<u64>,
        tasks: TaskTracker,
    ) -> Self {
        let poller = Poller {
            database,
            max_lag: settings.max_lag,
            public_version,
            subscribers: Subscribers::default(),
            channel: Arc::default(),
            overdue: Arc::default(),
            closing: CancellationToken::new(),
        };
        let permits = Arc::new(Semaphore::new(settings.clients.min(Semaphore::MAX_PERMITS)));
        Self { poller, settings, permits, tasks }
    }

    pub(super) async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, Error> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.try_acquire_owned().map_err(|_| Error::TooManyStreams)?;
        let mut shared = self.poller.channel.lock().await;
        if self.poller.closing.is_cancelled() {
            return Err(Error::TooManyStreams);
        }
        let channel = match shared.take() {
            Some(channel) => channel,
            None => self.start().await?,
        };
        let subscription = Subscription {
            database: self.poller.database.for_class(Class::Timelines),
            heartbeat: self.settings.heartbeat,
            position: request.after.unwrap_or(channel.position),
            missed: request
                .after
                .filter(|after| *after < channel.position)
                .map(|_| channel.position),
            notices: channel.notices.subscribe(),
            watermark: channel.watermark.subscribe(),
            heartbeat_at: Instant::now() + self.settings.heartbeat,
            subscriber: self.poller.subscribers.add(request.timeline, request.credential),
            _permit: permit,
            _gauge: InFlightGauge::stream(),
        };
        *shared = Some(channel);
        Ok(subscription)
    }

    /// The deliveries that the slowest stream has not read. They are not known while a subscriber is
    /// added or a delivery is made.
    pub(super) fn queue(&self) -> Option<QueueState> {
        let shared = self.poller.channel.try_lock().ok()?;
        let waiting = shared.as_ref().map_or(0, |channel| channel.notices.len());
        let limit = Some(self.settings.backlog);
        Some(QueueState { name: "stream_deliveries", waiting, limit })
    }

    pub(super) fn close(&self) {
        self.poller.closing.cancel();
    }

    /// Starts the poller at the current time. It runs outside the span of the request, because it
    /// serves all subscribers.
    async fn start(&self) -> Result<Channel, Error> {
        let mut watermark = Watermark::new(self.poller.database.timeout());
        let poll = live::poll(&self.poller.database, None, 0).await?;
        let channel = Channel {
            notices: broadcast::Sender::new(self.settings.backlog),
            position: Cursor::new(poll.at, 0),
            watermark: watch::Sender::new(watermark.advance(&poll)),
        };
        let poller = self.poller.clone();
        self.tasks.spawn(async move {
            // The panic hook logs a panic. Without the channel all streams end.
            if AssertUnwindSafe(poller.run(watermark)).catch_unwind().await.is_err() {
                *poller.channel.lock().await = None;
            }
        });
        Ok(channel)
    }
}
