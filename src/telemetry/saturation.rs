//! Metrics of waiting: connections, queues, and the event loop.
//!
//! Handles are kept, because each request counts and a look-up costs more than counting.

use std::{sync::LazyLock, time::Duration};

use metrics::{
    Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

const ACQUIRE_DURATION: &str = "minitwit_database_acquire_duration_seconds";
const ACQUIRE_TIMEOUTS: &str = "minitwit_database_acquire_timeouts_total";
const QUEUE_WAITING: &str = "minitwit_queue_waiting";
const QUEUE_LIMIT: &str = "minitwit_queue_limit";
pub(super) const EVENT_LOOP_LAG: &str = "minitwit_event_loop_lag_seconds";

pub(super) fn describe() {
    describe_histogram!(
        ACQUIRE_DURATION,
        "Time until a statement has a connection, including the queue of its class, by class"
    );
    describe_counter!(
        ACQUIRE_TIMEOUTS,
        "Statements that got no connection within the acquire time-out, by class"
    );
    describe_gauge!(QUEUE_WAITING, "Entries that wait in a queue, by queue");
    describe_gauge!(QUEUE_LIMIT, "Entries that may wait in a queue, by queue");
    describe_histogram!(
        EVENT_LOOP_LAG,
        "Time by which a timer and a new task of the async runtime ran too late"
    );
}

/// The metrics of connections for one class of statements.
#[derive(Debug)]
pub struct AcquireMetrics {
    duration: Histogram,
    timeouts: Counter,
}

impl AcquireMetrics {
    /// Registers the metrics of a class, which start at 0.
    pub fn of(class: &'static str) -> Self {
        let timeouts = counter!(ACQUIRE_TIMEOUTS, "class" => class);
        timeouts.increment(0);
        Self { duration: histogram!(ACQUIRE_DURATION, "class" => class), timeouts }
    }

    /// Records the wait of a statement that got a connection.
    pub fn acquired(&self, wait: Duration) {
        self.duration.record(wait);
    }

    /// Counts a statement that got no connection in time.
    pub fn timed_out(&self) {
        self.timeouts.increment(1);
    }
}

/// The state of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// The label of the queue.
    pub name: &'static str,
    /// How many entries wait.
    pub waiting: usize,
    /// How many may wait; `None` if there is no limit.
    pub limit: Option<usize>,
}

/// Sets the gauges of a queue.
pub fn queue(QueueState { name, waiting, limit }: QueueState) {
    gauge!(QUEUE_WAITING, "queue" => name).set(waiting as f64);
    if let Some(limit) = limit {
        gauge!(QUEUE_LIMIT, "queue" => name).set(limit as f64);
    }
}

/// Records by how much the event loop was late.
pub fn event_loop_lag(lag: Duration) {
    static HANDLE: LazyLock<Histogram> = LazyLock::new(|| histogram!(EVENT_LOOP_LAG));
    HANDLE.record(lag);
}
