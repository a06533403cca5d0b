//! The channel from the poller to all subscriptions.

use std::{collections::HashSet, sync::Arc};

use time::OffsetDateTime;
use tokio::sync::{Mutex, broadcast, watch};

use super::{delivery::Delivery, request::Credential};
use crate::domain::Cursor;

/// A notice for all subscriptions.
#[derive(Debug, Clone)]
pub(super) enum Notice {
    /// New messages.
    Delivery(Arc<Delivery>),
    /// All messages up to this position are skipped.
    Skipped(Cursor),
    /// These credentials are no longer valid.
    Ended(Arc<HashSet<Credential>>),
}

/// The channel, which exists while the poller runs.
pub(super) struct Channel {
    pub(super) notices: broadcast::Sender<Notice>,
    /// All messages up to here have been sent or skipped.
    pub(super) position: Cursor,
    /// The time before which no message can still be committed.
    pub(super) watermark: watch::Sender<OffsetDateTime>,
}

/// `None` while the poller does not run. A delivery is made and sent under the lock: a new subscriber
/// is either part of the query for it, or starts after it.
pub(super) type SharedChannel = Arc<Mutex<Option<Channel>>>;
