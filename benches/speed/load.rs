//! What a load came to.

use serde_json::{Value, json};

use crate::Failure;

/// The outcome of one load: how many requests or transactions, and how long they took.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Load {
    pub fn json(&self) -> Value {
        let Self { per_second, p50_ms, p99_ms, max_ms } = self;
        json!({ "per_second": per_second, "p50_ms": p50_ms, "p99_ms": p99_ms, "max_ms": max_ms })
    }
}

/// What of a load is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Requests or transactions a second.
    Rate,
    /// The latency in milliseconds that 99 of 100 stay below.
    P99,
}

impl Metric {
    pub fn of(self, load: &Load) -> f64 {
        match self {
            Self::Rate => load.per_second,
            Self::P99 => load.p99_ms,
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Rate => "/s",
            Self::P99 => " ms (p99)",
        }
    }
}

/// Puts a load on something for that many seconds.
pub type Run = Box<dyn Fn(u64) -> Result<Load, Failure>>;

/// The middle one of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
