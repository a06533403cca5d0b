//! Somebody who listens to the feed.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast, watch},
    time::Instant,
};

use super::{Notice, Render, Timeline, subscribers::Subscription};
use crate::{
    db::{self, Database, messages::live},
    domain::{Cursor, Message},
    telemetry::{
        metrics::{self, InFlightGauge},
        request::with_causes,
    },
};

/// How many missed messages are sent; whoever has missed more has to load the timeline.
const MISSED_MAX: usize = 500;

/// Somebody who listens, until dropped.
pub struct Listener {
    pub(super) database: Database,
    pub(super) heartbeat: Duration,
    pub(super) timeline: Timeline,
    /// All messages up to here have been heard, or are not wanted.
    pub(super) place: Cursor,
    /// Up to where messages have been missed; what comes after is sent by the feed.
    pub(super) missed: Option<Cursor>,
    pub(super) notices: broadcast::Receiver<Notice>,
    pub(super) settled: watch::Receiver<OffsetDateTime>,
    pub(super) silent_until: Instant,
    pub(super) seat: Subscription,
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _counted: InFlightGauge,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// Messages, rendered, one after another.
    Messages(Bytes),
    /// More messages have been missed than are sent: all of them up to this place.
    MissedTooMany(Cursor),
    /// Nothing, for as long as a client should wait for a sign of life.
    Silence,
}

impl Listener {
    /// The place on the timeline after which it is listened from now on.
    #[must_use]
    pub fn place(&self) -> Cursor {
        self.place
    }

    /// What comes next, with messages as `render` makes them, which is the same for all listeners.
    /// `None` at the end: the right to listen has ended, the server stops, or too much was not taken
    /// in time.
    pub async fn next(&mut self, render: Render) -> Option<StreamEvent> {
        let heard = match self.missed.take() {
            Some(until) => match self.catch_up(until, render).await? {
                Some(heard) => heard,
                None => self.hear(render).await?,
            },
            None => self.hear(render).await?,
        };
        self.silent_until = Instant::now() + self.heartbeat;
        Some(heard)
    }

    async fn hear(&mut self, render: Render) -> Option<StreamEvent> {
        loop {
            let notice = match tokio::time::timeout_at(self.silent_until, self.notices.recv()).await
            {
                Err(_) => return Some(StreamEvent::Silence),
                Ok(Ok(notice)) => notice,
                Ok(Err(broadcast::error::RecvError::Closed)) => return None,
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => {
                    metrics::stream_client_dropped();
                    return None;
                }
            };
            match notice {
                Notice::Posted(batch) => {
                    if let Some(text) = batch.on(self.timeline, self.place, render) {
                        return Some(StreamEvent::Messages(text));
                    }
                }
                Notice::Skipped(until) if until <= self.place => {}
                Notice::Skipped(until) => match self.timeline {
                    Timeline::Public => {
                        self.place = until;
                        return Some(StreamEvent::MissedTooMany(until));
                    }
                    // Of these there may be few.
                    Timeline::Own(_) => {
                        if let Some(heard) = self.catch_up(until, render).await? {
                            return Some(heard);
                        }
                    }
                },
                Notice::Ended(ended) => {
                    if self.seat.credential().is_some_and(|own| ended.contains(own)) {
                        return None;
                    }
                }
            }
        }
    }

    /// What was missed, up to where the feed goes on; `Some(None)` if nothing was.
    async fn catch_up(&mut self, until: Cursor, render: Render) -> Option<Option<StreamEvent>> {
        let time = until.published_at();
        self.settled.wait_for(|settled| *settled >= time).await.ok()?;
        let missed = match self.missed_messages(until).await {
            Ok(missed) => missed,
            Err(error) => {
                // The client comes back, and is told then if it still is so.
                tracing::warn!(cause = with_causes(&error), "missed messages could not be read");
                return None;
            }
        };
        self.place = until;
        Some(match missed.len() {
            0 => None,
            1..=MISSED_MAX => {
                let text: String = missed.iter().map(render).collect();
                Some(StreamEvent::Messages(text.into()))
            }
            _ => Some(StreamEvent::MissedTooMany(until)),
        })
    }

    async fn missed_messages(&self, until: Cursor) -> Result<Vec<Message>, db::Error> {
        let reader = match self.timeline {
            Timeline::Public => None,
            Timeline::Own(reader) => Some(reader),
        };
        live::between(&self.database, reader, (self.place, until), MISSED_MAX as i64 + 1).await
    }
}
