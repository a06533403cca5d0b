//! Metrics for Prometheus: their names, descriptions and buckets, and the functions that count.
//!
//! Label values come from fixed sets (route templates, methods, commands), never from a request.

use std::{sync::LazyLock, time::Duration};

use metrics::{
    Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{process, saturation, simulator_metrics};

pub(super) const HTTP_REQUESTS: &str = "minitwit_http_requests_total";
pub(super) const HTTP_DURATION: &str = "minitwit_http_request_duration_seconds";
const HTTP_IN_FLIGHT: &str = "minitwit_http_requests_in_flight";
const REGISTRATIONS: &str = "minitwit_registrations_total";
const MESSAGES: &str = "minitwit_messages_total";
const FOLLOWS: &str = "minitwit_follows_total";
const UNFOLLOWS: &str = "minitwit_unfollows_total";
const RATE_LIMITED: &str = "minitwit_rate_limited_total";
const SIMULATOR_REJECTIONS: &str = "minitwit_simulator_rejections_total";
const HASHING_WAITING: &str = "minitwit_password_hashing_waiting";
const HASHING_RUNNING: &str = "minitwit_password_hashing_running";
const HASHING_REJECTED: &str = "minitwit_password_hashing_refused_total";
const HASHING_DURATION: &str = "minitwit_password_hashing_duration_seconds";
const STREAM_CLIENTS: &str = "minitwit_stream_clients";
const STREAM_CLIENTS_DROPPED: &str = "minitwit_stream_clients_dropped_total";
const POOL_CONNECTIONS: &str = "minitwit_database_pool_connections";
const POOL_IDLE: &str = "minitwit_database_pool_idle_connections";
const POOL_MAX: &str = "minitwit_database_pool_max_connections";
const STATEMENTS_REJECTED: &str = "minitwit_database_statements_refused_total";

const BACKUP_FINISHED: &str = "minitwit_backup_finished_timestamp_seconds";
const BACKUP_SIZE: &str = "minitwit_backup_size_bytes";
const WAL_ARCHIVED: &str = "minitwit_wal_archived_timestamp_seconds";
const DRILL_FINISHED: &str = "minitwit_backup_drill_timestamp_seconds";
const DRILL_PASSED: &str = "minitwit_backup_drill_passed";
const DRILL_RTO: &str = "minitwit_backup_drill_rto_seconds";
const DRILL_RPO: &str = "minitwit_backup_drill_rpo_seconds";

const LOG_LINES_DROPPED: &str = "minitwit_log_lines_dropped_total";
const REJECTED_COMMANDS_DROPPED: &str = "minitwit_rejected_commands_dropped_total";

/// Upper bounds in seconds. 0.3 is the simulator's time-out. The bounds below it are close enough
/// to show a gradual change; above it only the order of magnitude matters.
const DURATION_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The event loop is late by less than 1 ms, or by as much as the statement that blocks it.
const LAG_BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Installs the recorder of the process, and returns the handle that renders its metrics.
///
/// Returns an error if a recorder is installed already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), DURATION_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(saturation::EVENT_LOOP_LAG.to_owned()), LAG_BUCKETS)?
        .install_recorder()?;
    describe();
    process::describe();
    saturation::describe();
    simulator_metrics::describe();
    // Alerts compare these counters, so they start at 0 instead of being absent.
    for name in [REGISTRATIONS, MESSAGES, FOLLOWS, UNFOLLOWS] {
        counter!(name).increment(0);
    }
    for purpose in ["registration", "sign_in"] {
        counter!(HASHING_REJECTED, "purpose" => purpose).increment(0);
    }
    counter!(STREAM_CLIENTS_DROPPED).increment(0);
    counter!(REJECTED_COMMANDS_DROPPED).increment(0);
    counter!(LOG_LINES_DROPPED).increment(0);
    for idle in [HASHING_WAITING, HASHING_RUNNING, STREAM_CLIENTS] {
        gauge!(idle).set(0);
    }
    Ok(handle)
}

/// Like [`start`], for a process that runs only PostgreSQL and its backups.
pub fn start_for_database() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    describe_backups();
    process::describe();
    Ok(handle)
}

fn describe() {
    describe_backups();
    describe_counter!(HTTP_REQUESTS, "HTTP responses, by route template, method and status");
    describe_histogram!(
        HTTP_DURATION,
        "Time until the response, by route template, method and status"
    );
    describe_gauge!(
        HTTP_IN_FLIGHT,
        "HTTP requests being served, including the one that reads the metrics"
    );
    describe_counter!(REGISTRATIONS, "Users who signed up since the start; imports do not count");
    describe_counter!(MESSAGES, "Messages posted since the start; imports do not count");
    describe_counter!(FOLLOWS, "Follow commands that succeeded");
    describe_counter!(UNFOLLOWS, "Unfollow commands that succeeded");
    describe_counter!(RATE_LIMITED, "Attempts above a rate limit, answered by 429, by limit");
    describe_counter!(SIMULATOR_REJECTIONS, "Simulator commands rejected, by command and status");
    describe_gauge!(HASHING_WAITING, "Passwords waiting for a hashing thread");
    describe_gauge!(HASHING_RUNNING, "Passwords being hashed");
    describe_counter!(
        HASHING_REJECTED,
        "Passwords rejected because the hashing queue is full, by purpose"
    );
    describe_histogram!(
        HASHING_DURATION,
        "Time to hash or verify one password, without the time in the queue"
    );
    describe_gauge!(STREAM_CLIENTS, "Open streams of new messages");
    describe_counter!(
        STREAM_CLIENTS_DROPPED,
        "Streams closed because the client read new messages too slowly"
    );
    describe_counter!(LOG_LINES_DROPPED, "Log lines dropped because standard output was blocked");
    describe_counter!(
        REJECTED_COMMANDS_DROPPED,
        "Rejected commands that the file of --rejected-commands lacks"
    );
    describe_gauge!(POOL_CONNECTIONS, "Open database connections");
    describe_gauge!(POOL_IDLE, "Open database connections that are idle");
    describe_gauge!(POOL_MAX, "The most database connections that may be open");
    describe_counter!(
        STATEMENTS_REJECTED,
        "Database statements rejected because the queue of their class was full, by class"
    );
}

/// Describes the metrics of backups, which only a server with a repository has.
fn describe_backups() {
    describe_gauge!(BACKUP_FINISHED, "When the newest backup was finished, in Unix time");
    describe_gauge!(BACKUP_SIZE, "What the newest backup added to the repository, in bytes");
    describe_gauge!(WAL_ARCHIVED, "When WAL was last archived, in Unix time");
    describe_gauge!(DRILL_FINISHED, "When the last drill ended, in Unix time");
    describe_gauge!(DRILL_PASSED, "Whether the last drill found no error: 1 or 0");
    describe_gauge!(DRILL_RTO, "Seconds until the database of the last drill was ready");
    describe_gauge!(DRILL_RPO, "Seconds between the last restored transaction and the drill");
}

/// Lets the counter of a rate limit start at 0 instead of being absent.
pub fn has_rate_limit(limit: &'static str) {
    counter!(RATE_LIMITED, "limit" => limit).increment(0);
}

/// Counts an attempt above a rate limit.
pub fn rate_limited(limit: &'static str) {
    counter!(RATE_LIMITED, "limit" => limit).increment(1);
}

/// Sets the gauges of the newest backup: its end in Unix time, and its size in the repository.
pub fn backed_up(finished: i64, bytes: u64) {
    gauge!(BACKUP_FINISHED).set(finished as f64);
    gauge!(BACKUP_SIZE).set(bytes as f64);
}

/// Sets the time at which WAL was last archived, in Unix time.
pub fn wal_archived(time: i64) {
    gauge!(WAL_ARCHIVED).set(time as f64);
}

/// Sets the gauges of the last drill: its end in Unix time, whether it passed, and its times.
pub fn drilled(finished: i64, passed: bool, rto: f64, rpo: Option<f64>) {
    gauge!(DRILL_FINISHED).set(finished as f64);
    gauge!(DRILL_PASSED).set(u8::from(passed));
    gauge!(DRILL_RTO).set(rto);
    if let Some(rpo) = rpo {
        gauge!(DRILL_RPO).set(rpo);
    }
}

/// Adds 1 to a gauge, until dropped.
#[must_use]
pub struct InFlightGauge(Gauge);

impl InFlightGauge {
    fn begin(gauge: Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }

    /// A request in flight. Keeps the handle, since a look-up costs more than counting.
    pub fn http_request() -> Self {
        static HANDLE: LazyLock<Gauge> = LazyLock::new(|| gauge!(HTTP_IN_FLIGHT));
        Self::begin(HANDLE.clone())
    }

    /// A password that waits for a hashing thread.
    pub fn waiting_password() -> Self {
        Self::begin(gauge!(HASHING_WAITING))
    }

    /// An open stream of new messages.
    pub fn stream() -> Self {
        Self::begin(gauge!(STREAM_CLIENTS))
    }

    /// A password being hashed.
    pub fn hashing() -> Self {
        Self::begin(gauge!(HASHING_RUNNING))
    }
}

impl Drop for InFlightGauge {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Counts a registration.
pub fn registered() {
    counter!(REGISTRATIONS).increment(1);
}

/// Counts posted messages.
pub fn posted(messages: usize) {
    counter!(MESSAGES).increment(messages as u64);
}

/// Counts follow commands that succeeded.
pub fn followed(commands: usize) {
    counter!(FOLLOWS).increment(commands as u64);
}

/// Counts an unfollow command that succeeded.
pub fn unfollowed() {
    counter!(UNFOLLOWS).increment(1);
}

/// Counts a rejected simulator command.
pub fn simulator_rejected(command: &'static str, status: u16) {
    counter!(SIMULATOR_REJECTIONS, "command" => command, "status" => status.to_string())
        .increment(1);
}

/// Counts a password that was rejected because the hashing queue is full.
pub fn hashing_rejected(purpose: &'static str) {
    counter!(HASHING_REJECTED, "purpose" => purpose).increment(1);
}

/// Records the time to hash or verify a password.
pub fn hashed(duration: Duration) {
    histogram!(HASHING_DURATION).record(duration);
}

/// Counts a stream that was closed because its client read too slowly.
pub fn stream_client_dropped() {
    counter!(STREAM_CLIENTS_DROPPED).increment(1);
}

/// Sets the number of log lines dropped since the start.
pub fn log_lines_dropped(lines: usize) {
    counter!(LOG_LINES_DROPPED).absolute(lines as u64);
}

/// Counts a rejected command that was not written to its file.
pub fn rejected_commands_dropped() {
    counter!(REJECTED_COMMANDS_DROPPED).increment(1);
}

/// Sets the gauges of the connection pool.
pub fn pool(connections: u32, idle: usize, max: u32) {
    gauge!(POOL_CONNECTIONS).set(connections);
    gauge!(POOL_IDLE).set(idle as f64);
    gauge!(POOL_MAX).set(max);
}

/// Sets the number of statements of a class that were rejected since the start.
pub fn statements_rejected(class: &'static str, statements: u64) {
    counter!(STATEMENTS_REJECTED, "class" => class).absolute(statements);
}
