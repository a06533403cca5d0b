//! When commands are sent.

use std::time::Duration;

/// How fast a scenario is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as possible, with this many requests in flight.
    Concurrency(usize),
    /// This many commands per second, whether or not the earlier ones have ended.
    Rate(f64),
    /// A rate that changes linearly.
    Ramp {
        /// Commands per second at the start.
        from: f64,
        /// Commands per second at the end.
        to: f64,
        /// The length of the ramp.
        over: Duration,
    },
}

impl Pace {
    /// When the command with this index is due, since the start of the run. `None` without a rate
    /// (no due time), and after the end of a ramp (never due).
    pub fn due(self, index: u32) -> Option<Duration> {
        let index = f64::from(index);
        let seconds = match self {
            Self::Concurrency(_) => return None,
            Self::Rate(rate) => index / rate,
            Self::Ramp { .. } if index == 0.0 => 0.0,
            Self::Ramp { from, to, over } => {
                // Solves index = from·t + (to - from)·t² / 2·over for t.
                let slope = (to - from) / over.as_secs_f64();
                2.0 * index / (from + (from * from + 2.0 * slope * index).sqrt())
            }
        };
        let due = Duration::try_from_secs_f64(seconds).ok()?;
        match self {
            Self::Ramp { over, .. } if due > over => None,
            _ => Some(due),
        }
    }

    /// The rate at this time, in commands per second; `None` without a rate.
    pub fn rate_at(self, time: Duration) -> Option<f64> {
        match self {
            Self::Concurrency(_) => None,
            Self::Rate(rate) => Some(rate),
            Self::Ramp { from, to, over } => {
                Some(from + (to - from) * time.as_secs_f64() / over.as_secs_f64())
            }
        }
    }

    /// The largest number of requests in flight, if each takes `timeout` at most.
    pub fn max_in_flight(self, timeout: Duration) -> u64 {
        let at_rate = |rate: f64| (rate * timeout.as_secs_f64()).ceil() as u64;
        match self {
            Self::Concurrency(number) => number as u64,
            Self::Rate(rate) => at_rate(rate),
            Self::Ramp { from, to, .. } => at_rate(from.max(to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(pace: Pace, index: u32) -> Option<u128> {
        pace.due(index).map(|due| due.as_millis())
    }

    #[test]
    fn commands_at_a_rate_are_evenly_spaced() {
        let pace = Pace::Rate(50.0);
        assert_eq!([0, 1, 100].map(|index| millis(pace, index)), [Some(0), Some(20), Some(2_000)]);
        assert_eq!(pace.max_in_flight(Duration::from_millis(300)), 15);
        assert_eq!(Pace::Concurrency(8).due(3), None);
    }

    #[test]
    fn a_ramp_changes_the_rate_linearly_until_its_end() {
        let pace = Pace::Ramp { from: 0.0, to: 100.0, over: Duration::from_secs(10) };
        // 500 commands in total, a quarter of them in the first half.
        assert_eq!(
            [0, 125, 500].map(|index| millis(pace, index)),
            [Some(0), Some(5_000), Some(10_000)]
        );
        assert_eq!(millis(pace, 501), None);
        assert_eq!(pace.rate_at(Duration::from_secs(5)), Some(50.0));
        let level = Pace::Ramp { from: 10.0, to: 10.0, over: Duration::from_secs(2) };
        assert_eq!(
            [10, 20, 21].map(|index| millis(level, index)),
            [Some(1_000), Some(2_000), None]
        );
        let down = Pace::Ramp { from: 100.0, to: 0.0, over: Duration::from_secs(10) };
        assert_eq!([375, 600].map(|index| millis(down, index)), [Some(5_000), None]);
    }
}
