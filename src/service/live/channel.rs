//! The channel from the poller to all subscriptions.

use std::{collections::HashSet, sync::Arc};

use time::OffsetDateTime;
use tokio::sync::{Mutex, broadcast, watch};

use super::{delivery::Delivery, request::Credential};
use crate::domain::Cursor;

#[derive(Debug, Clone)]
pub(super) enum Notice {
    /// New messages.
    Delivery(Arc<Delivery>),
    /// All messages up to this position are skipped.
    Skipped(Cursor),
    /// These credentials are no longer valid.
    Ended(Arc<HashSet<Credential>>),
}

pub(super) struct Channel {
    pub(super) notices: broadcast::Sender<Notice>,
    /// All messages up to here have been sent or skipped.
    pub(super) position: Cursor,
    pub(super) watermark: watch::Sender<OffsetDateTime>,
}

/// `None` while no poller runs. The poller makes and sends each delivery under the lock. So a new
/// subscriber either receives the delivery or starts after it.
pub(super) type SharedChannel = Arc<Mutex<Option<Channel>>>;
