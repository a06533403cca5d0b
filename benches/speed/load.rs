//! The result of one load.

use serde_json::{Value, json};

use crate::Failure;

/// Rate and latencies of one load; NaN for what was not measured.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Load {
    /// A load of which only the rate is known.
    pub fn of_rate(per_second: f64) -> Self {
        Self { per_second, p50_ms: f64::NAN, p99_ms: f64::NAN, max_ms: f64::NAN }
    }

    pub fn json(&self) -> Value {
        let Self { per_second, p50_ms, p99_ms, max_ms } = self;
        json!({ "per_second": per_second, "p50_ms": p50_ms, "p99_ms": p99_ms, "max_ms": max_ms })
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { per_second, p50_ms, p99_ms, .. } = self;
        write!(f, "{per_second:>6.0}/s")?;
        if p99_ms.is_finite() {
            write!(f, ", p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms")?;
        }
        Ok(())
    }
}

/// The figure of a load that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Requests or transactions per second.
    Rate,
    /// Median of latency, in milliseconds.
    P50,
    /// 99th percentile of latency, in milliseconds.
    P99,
    /// Maximum latency, in milliseconds.
    Max,
}

impl Metric {
    pub fn of(self, load: &Load) -> f64 {
        match self {
            Self::Rate => load.per_second,
            Self::P50 => load.p50_ms,
            Self::P99 => load.p99_ms,
            Self::Max => load.max_ms,
        }
    }

    /// Combines the figures of all rounds.
    pub fn of_all(self, figures: &[f64]) -> f64 {
        match self {
            Self::Rate | Self::P50 | Self::P99 => median(figures),
            Self::Max => figures.iter().copied().fold(f64::NAN, f64::max),
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Rate => "/s",
            Self::P50 => " ms (p50)",
            Self::P99 => " ms (p99)",
            Self::Max => " ms",
        }
    }
}

/// Runs a load for this many seconds.
pub type Run = Box<dyn Fn(u64) -> Result<Load, Failure>>;

/// The median.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
