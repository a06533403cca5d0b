//! When commands are sent.

use std::time::Duration;

/// How fast a scenario is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as possible, with so many requests under way.
    Concurrency(usize),
    /// So many commands a second, whether the earlier ones have been answered or not.
    Rate(f64),
    /// The same, from one rate to another.
    Ramp {
        /// Commands a second in the beginning.
        from: f64,
        /// Commands a second in the end.
        to: f64,
        /// How long it takes.
        over: Duration,
    },
}

impl Pace {
    /// When a command is due, since the beginning, by its place in the script. `None` when nothing is:
    /// at once where there is no rate, never where a ramp has ended.
    #[must_use]
    pub fn due(self, place: u32) -> Option<Duration> {
        let place = f64::from(place);
        let seconds = match self {
            Self::Concurrency(_) => return None,
            Self::Rate(rate) => place / rate,
            Self::Ramp { .. } if place == 0.0 => 0.0,
            Self::Ramp { from, to, over } => {
                // As many have been sent after t as from·t + (to - from)·t² / 2·over.
                let slope = (to - from) / over.as_secs_f64();
                2.0 * place / (from + (from * from + 2.0 * slope * place).sqrt())
            }
        };
        let due = Duration::try_from_secs_f64(seconds).ok()?;
        match self {
            Self::Ramp { over, .. } if due > over => None,
            _ => Some(due),
        }
    }

    /// Commands a second that are due at this time; `None` where there is no rate.
    #[must_use]
    pub fn rate_at(self, time: Duration) -> Option<f64> {
        match self {
            Self::Concurrency(_) => None,
            Self::Rate(rate) => Some(rate),
            Self::Ramp { from, to, over } => {
                Some(from + (to - from) * time.as_secs_f64() / over.as_secs_f64())
            }
        }
    }

    /// The most requests that are under way at once, where each takes at most `timeout`.
    #[must_use]
    pub fn most_under_way(self, timeout: Duration) -> u64 {
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

    fn millis(pace: Pace, place: u32) -> Option<u128> {
        pace.due(place).map(|due| due.as_millis())
    }

    #[test]
    fn a_rate_has_equal_distances() {
        let pace = Pace::Rate(50.0);
        assert_eq!([0, 1, 100].map(|place| millis(pace, place)), [Some(0), Some(20), Some(2_000)]);
        assert_eq!(pace.most_under_way(Duration::from_millis(300)), 15);
        assert_eq!(Pace::Concurrency(8).due(3), None);
    }

    #[test]
    fn a_ramp_sends_more_and_more_until_it_ends() {
        let pace = Pace::Ramp { from: 0.0, to: 100.0, over: Duration::from_secs(10) };
        // 500 in all, a quarter of them in the first half of the time.
        assert_eq!(
            [0, 125, 500].map(|place| millis(pace, place)),
            [Some(0), Some(5_000), Some(10_000)]
        );
        assert_eq!(millis(pace, 501), None);
        assert_eq!(pace.rate_at(Duration::from_secs(5)), Some(50.0));
        let level = Pace::Ramp { from: 10.0, to: 10.0, over: Duration::from_secs(2) };
        assert_eq!(
            [10, 20, 21].map(|place| millis(level, place)),
            [Some(1_000), Some(2_000), None]
        );
        let down = Pace::Ramp { from: 100.0, to: 0.0, over: Duration::from_secs(10) };
        assert_eq!([375, 600].map(|place| millis(down, place)), [Some(5_000), None]);
    }
}
