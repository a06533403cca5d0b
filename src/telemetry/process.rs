//! Metrics of the process itself: processor time, memory, open files, and the version.
//!
//! `process_*` have the names of all Prometheus clients, so dashboards and rules of others work.

use std::sync::LazyLock;

use metrics::{describe_gauge, gauge};
use metrics_process::Collector;

const BUILD_INFO: &str = "minitwit_build_info";

static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::default);

pub(super) fn describe() {
    COLLECTOR.describe();
    describe_gauge!(BUILD_INFO, "Always 1; the label is the version of the program");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// Reads the state of the process into its gauges.
pub fn collect() {
    COLLECTOR.collect();
}
