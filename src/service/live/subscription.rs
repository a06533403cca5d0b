//! One open stream.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast, watch},
    time::{Instant, timeout_at},
};

use super::{channel::Notice, delivery::Render, request::Timeline, subscribers::Subscriber};
use crate::{
    db::{Database, messages::live},
    domain::Cursor,
    telemetry::{
        metrics::{self, InFlightGauge},
        request::with_causes,
    },
};

/// How many missed messages are sent. A client that has missed more reloads the timeline.
const MAX_MISSED: usize = 500;

/// One open stream, until dropped.
pub struct Subscription {
    pub(super) database: Database,
    pub(super) heartbeat: Duration,
    /// All messages up to here have been sent, or precede the stream.
    pub(super) position: Cursor,
    /// The end of the missed messages, which must be read from the database.
    pub(super) missed: Option<Cursor>,
    pub(super) notices: broadcast::Receiver<Notice>,
    pub(super) watermark: watch::Receiver<OffsetDateTime>,
    pub(super) heartbeat_at: Instant,
    pub(super) subscriber: Subscriber,
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _gauge: InFlightGauge,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// Rendered messages, concatenated.
    Messages(Bytes),
    /// Too many messages: those up to this position are not sent.
    Gap(Cursor),
    /// No other event occurred within the heartbeat interval.
    Heartbeat,
}

struct Ended;

impl Subscription {
    /// The position after which the stream starts or continues.
    pub fn position(&self) -> Cursor {
        self.position
    }

    /// Waits for the next event. All subscriptions must pass the same `render`.
    ///
    /// Returns `None` at the end of the stream: the credential has ended, the server stops, the client
    /// is too slow, or the database failed.
    pub async fn next(&mut self, render: Render) -> Option<StreamEvent> {
        let event = self.next_event(render).await.ok()?;
        self.heartbeat_at = Instant::now() + self.heartbeat;
        Some(event)
    }

    async fn next_event(&mut self, render: Render) -> Result<StreamEvent, Ended> {
        loop {
            if let Some(until) = self.missed.take()
                && let Some(event) = self.catch_up(until, render).await?
            {
                return Ok(event);
            }
            let Ok(notice) = timeout_at(self.heartbeat_at, self.notices.recv()).await else {
                return Ok(StreamEvent::Heartbeat);
            };
            match notice.map_err(ended)? {
                Notice::Delivery(delivery) => {
                    let timeline = self.subscriber.timeline;
                    if let Some(text) = delivery.render(timeline, self.position, render) {
                        return Ok(StreamEvent::Messages(text));
                    }
                }
                Notice::Skipped(until) if until <= self.position => {}
                Notice::Skipped(until) => match self.subscriber.timeline {
                    Timeline::Public => {
                        self.position = until;
                        return Ok(StreamEvent::Gap(until));
                    }
                    // Few of the skipped messages may be on an own timeline.
                    Timeline::Own(_) => self.missed = Some(until),
                },
                Notice::Ended(credentials) => {
                    let own = self.subscriber.credential.as_ref();
                    if own.is_some_and(|own| credentials.contains(own)) {
                        return Err(Ended);
                    }
                }
            }
        }
    }

    /// Reads the missed messages up to `until`, once no further one can be committed.
    async fn catch_up(
        &mut self,
        until: Cursor,
        render: Render,
    ) -> Result<Option<StreamEvent>, Ended> {
        let time = until.published_at();
        self.watermark.wait_for(|watermark| *watermark >= time).await.map_err(|_| Ended)?;
        let reader = self.subscriber.timeline.reader();
        let range = (self.position, until);
        let missed = live::between(&self.database, reader, range, MAX_MISSED as i64 + 1).await;
        let missed = missed.map_err(|error| {
            // The client reconnects, and gets an error response if the database still fails.
            tracing::warn!(cause = with_causes(&error), "cannot read missed messages; stream ends");
            Ended
        })?;
        self.position = until;
        Ok(match missed.len() {
            0 => None,
            1..=MAX_MISSED => {
                let text: String = missed.iter().map(render).collect();
                Some(StreamEvent::Messages(text.into()))
            }
            _ => Some(StreamEvent::Gap(until)),
        })
    }
}

fn ended(error: broadcast::error::RecvError) -> Ended {
    if let broadcast::error::RecvError::Lagged(_) = error {
        metrics::stream_client_dropped();
    }
    Ended
}
