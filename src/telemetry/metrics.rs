//! Metrics in Prometheus' text format: their names, their buckets, and where they are counted.
//!
//! Labels come from fixed sets (route templates, methods, kinds), never from what a client sends.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub(super) const HTTP_REQUESTS: &str = "minitwit_http_requests_total";
pub(super) const HTTP_DURATION: &str = "minitwit_http_request_duration_seconds";
pub(super) const HTTP_IN_FLIGHT: &str = "minitwit_http_requests_in_flight";
const REGISTRATIONS: &str = "minitwit_registrations_total";
const MESSAGES: &str = "minitwit_messages_total";
const FOLLOWS: &str = "minitwit_follows_total";
const UNFOLLOWS: &str = "minitwit_unfollows_total";
const SIMULATOR_REJECTIONS: &str = "minitwit_simulator_rejections_total";
const HASHING_WAITING: &str = "minitwit_password_hashing_waiting";
const HASHING_RUNNING: &str = "minitwit_password_hashing_running";
const HASHING_REFUSED: &str = "minitwit_password_hashing_refused_total";
const HASHING_DURATION: &str = "minitwit_password_hashing_duration_seconds";
const STREAM_CLIENTS: &str = "minitwit_stream_clients";
const STREAM_CLIENTS_DROPPED: &str = "minitwit_stream_clients_dropped_total";
const POOL_CONNECTIONS: &str = "minitwit_database_pool_connections";
const POOL_IDLE: &str = "minitwit_database_pool_idle_connections";
const POOL_MAX: &str = "minitwit_database_pool_max_connections";

const LOG_LINES_DROPPED: &str = "minitwit_log_lines_dropped_total";

/// Upper bounds in seconds. 0.3 is the simulator's time-out; below it the steps are fine enough to
/// see a drift, above it only the order of magnitude matters.
const DURATION_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Starts the recorder of the whole process, and returns what renders its state.
///
/// # Errors
/// When a recorder was started before.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), DURATION_BUCKETS)?
        .install_recorder()?;
    describe();
    // What has not happened yet is 0, not absent: alerts compare it.
    for never_yet in [REGISTRATIONS, MESSAGES, FOLLOWS, UNFOLLOWS] {
        counter!(never_yet).increment(0);
    }
    for purpose in ["registration", "sign_in"] {
        counter!(HASHING_REFUSED, "purpose" => purpose).increment(0);
    }
    counter!(STREAM_CLIENTS_DROPPED).increment(0);
    for idle in [HASHING_WAITING, HASHING_RUNNING, STREAM_CLIENTS] {
        gauge!(idle).set(0);
    }
    Ok(handle)
}

fn describe() {
    describe_counter!(HTTP_REQUESTS, "Requests answered, by route template, method and status");
    describe_histogram!(HTTP_DURATION, "Time to the answer, by route template, method and status");
    describe_gauge!(HTTP_IN_FLIGHT, "Requests being served, by route template and method");
    describe_counter!(REGISTRATIONS, "Users who signed up");
    describe_counter!(MESSAGES, "Messages posted");
    describe_counter!(FOLLOWS, "Follow commands carried out");
    describe_counter!(UNFOLLOWS, "Unfollow commands carried out");
    describe_counter!(SIMULATOR_REJECTIONS, "Simulator commands refused, by command and status");
    describe_gauge!(HASHING_WAITING, "Passwords that wait for a hashing thread");
    describe_gauge!(HASHING_RUNNING, "Passwords being hashed");
    describe_counter!(HASHING_REFUSED, "Passwords refused because too many wait, by purpose");
    describe_histogram!(HASHING_DURATION, "Time to hash or verify one password, without the wait");
    describe_gauge!(STREAM_CLIENTS, "Clients that listen for new messages");
    describe_counter!(
        STREAM_CLIENTS_DROPPED,
        "Clients that were sent away since they took new messages too slowly"
    );
    describe_counter!(LOG_LINES_DROPPED, "Lines of the log that nobody took in time");
    describe_gauge!(POOL_CONNECTIONS, "Open database connections");
    describe_gauge!(POOL_IDLE, "Open database connections that no request uses");
    describe_gauge!(POOL_MAX, "Database connections that may be open at most");
}

/// Counts something as under way for as long as it lives.
pub struct InFlightGauge(metrics::Gauge);

impl InFlightGauge {
    pub(super) fn begin(gauge: metrics::Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }

    /// A password waits to be hashed.
    #[must_use]
    pub fn waiting_password() -> Self {
        Self::begin(gauge!(HASHING_WAITING))
    }

    /// A client listens for new messages.
    #[must_use]
    pub fn stream() -> Self {
        Self::begin(gauge!(STREAM_CLIENTS))
    }

    /// A password is being hashed.
    #[must_use]
    pub fn hashing() -> Self {
        Self::begin(gauge!(HASHING_RUNNING))
    }
}

impl Drop for InFlightGauge {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Somebody signed up.
pub fn registered() {
    counter!(REGISTRATIONS).increment(1);
}

/// So many messages were posted.
pub fn posted(messages: usize) {
    counter!(MESSAGES).increment(messages as u64);
}

/// So many follow commands were carried out.
pub fn followed(commands: usize) {
    counter!(FOLLOWS).increment(commands as u64);
}

/// Somebody unfollowed.
pub fn unfollowed() {
    counter!(UNFOLLOWS).increment(1);
}

/// A command of the simulator was refused.
pub fn simulator_rejected(command: &'static str, status: u16) {
    counter!(SIMULATOR_REJECTIONS, "command" => command, "status" => status.to_string())
        .increment(1);
}

/// A password was refused because too many wait.
pub fn hashing_refused(purpose: &'static str) {
    counter!(HASHING_REFUSED, "purpose" => purpose).increment(1);
}

/// A password was hashed or verified.
pub fn hashed(took: Duration) {
    histogram!(HASHING_DURATION).record(took);
}

/// A client took new messages too slowly, and was sent away.
pub fn stream_client_dropped() {
    counter!(STREAM_CLIENTS_DROPPED).increment(1);
}

/// How many lines of the log have been dropped so far.
pub fn log_lines_dropped(lines: usize) {
    counter!(LOG_LINES_DROPPED).absolute(lines as u64);
}

/// Where the database pool stands now.
pub fn pool(connections: u32, idle: usize, max: u32) {
    gauge!(POOL_CONNECTIONS).set(connections);
    gauge!(POOL_IDLE).set(idle as f64);
    gauge!(POOL_MAX).set(max);
}
