//! What is counted while a scenario is played.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::{
    latest::Candidates,
    outcome::{Error, Outcome},
    scenario::{Command, Kind},
};

/// Latencies are kept in microseconds, to three digits.
const DIGITS: u8 = 3;
/// How many errors are kept in full.
const FIRST_ERRORS: usize = 100;

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its place in the script.
    pub(super) place: u32,
    /// When its latency begins: when it was sent, or should have been.
    pub(super) due: Instant,
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) outcome: Outcome,
    /// What the server said of an error, or the network.
    pub(super) detail: String,
}

/// An error in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSample {
    /// The command's number.
    pub number: i64,
    /// What it was.
    pub kind: Kind,
    /// Its category.
    pub error: Error,
    /// What the server said, or the network.
    pub detail: String,
}

/// The commands of one kind, or of all.
#[derive(Debug, Clone)]
pub struct Tally {
    /// How many have ended.
    pub count: u64,
    /// How many of them in each error.
    pub errors: BTreeMap<Error, u64>,
    /// Microseconds until the answer, or until there was none; not those whose connection failed.
    pub latencies: Histogram<u64>,
}

/// One second of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// Commands that were sent in it.
    pub sent: u64,
    /// Commands that ended in an error in it.
    pub errors: u64,
    /// The latencies of those that were answered in it; `None` without any.
    pub latency: Option<SecondsLatency>,
}

/// How long answers took in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondsLatency {
    /// The median.
    pub p50: Duration,
    /// What 99 in a hundred did not exceed.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Statistics {
    pub(super) began: Instant,
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) latest: Candidates,
    by_kind: [Tally; 4],
    all: Tally,
    seconds: Vec<Second>,
    /// The second that latencies are being gathered of, and they.
    current: (usize, Histogram<u64>),
    first_errors: Vec<ErrorSample>,
    /// When the first command that failed was due, since the beginning.
    errors_begin: Option<Duration>,
}

impl Tally {
    fn new() -> Self {
        Self { count: 0, errors: BTreeMap::new(), latencies: histogram() }
    }

    fn add(&mut self, outcome: Outcome, latency: Duration) {
        self.count += 1;
        if let Outcome::Failed(error) = outcome {
            *self.errors.entry(error).or_default() += 1;
        }
        if outcome.was_waited_for() {
            record(&mut self.latencies, latency);
        }
    }

    /// How many ended in an error.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// What this share of the latencies did not exceed; `None` without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        quantile(&self.latencies, share)
    }
}

impl Statistics {
    /// Nothing yet, of a scenario of so many commands.
    pub(super) fn new(commands: usize) -> Self {
        Self {
            began: Instant::now(),
            outcomes: vec![None; commands],
            latest: Candidates::default(),
            by_kind: Kind::ALL.map(|_| Tally::new()),
            all: Tally::new(),
            seconds: Vec::new(),
            current: (0, histogram()),
            first_errors: Vec::new(),
            errors_begin: None,
        }
    }

    /// Counts a command that has ended.
    pub(super) fn add(&mut self, ended: Ended, command: &Command) {
        let Ended { place, due, sent, ended, outcome, detail } = ended;
        let latency = ended.saturating_duration_since(due);
        self.outcomes[place as usize] = Some(outcome);
        self.latest.add(command.number, sent, ended, outcome.effect_on_latest());
        self.by_kind[command.kind() as usize].add(outcome, latency);
        self.all.add(outcome, latency);
        self.second(sent).1.sent += 1;
        let (index, second) = self.second(ended);
        if let Outcome::Failed(error) = outcome {
            second.errors += 1;
            let due = due.saturating_duration_since(self.began);
            self.errors_begin = Some(self.errors_begin.map_or(due, |first| first.min(due)));
            if self.first_errors.len() < FIRST_ERRORS {
                let (number, kind) = (command.number, command.kind());
                self.first_errors.push(ErrorSample { number, kind, error, detail });
            }
        }
        if outcome.was_waited_for() {
            if index > self.current.0 {
                self.end_second();
                self.current.0 = index;
            }
            record(&mut self.current.1, latency);
        }
    }

    fn second(&mut self, time: Instant) -> (usize, &mut Second) {
        let index = time.saturating_duration_since(self.began).as_secs() as usize;
        if self.seconds.len() <= index {
            self.seconds.resize(index + 1, Second::default());
        }
        (index, &mut self.seconds[index])
    }

    /// Notes the latencies of the current second, of which no more will come.
    pub(super) fn end_second(&mut self) {
        let (index, latencies) = &mut self.current;
        let at = |share| quantile(latencies, share);
        if let (Some(p50), Some(p99), Some(max)) = (at(0.5), at(0.99), at(1.0)) {
            self.seconds[*index].latency = Some(SecondsLatency { p50, p99, max });
        }
        latencies.reset();
    }

    /// The commands of each kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, &Tally)> {
        Kind::ALL.into_iter().zip(&self.by_kind)
    }

    /// All commands.
    #[must_use]
    pub const fn all(&self) -> &Tally {
        &self.all
    }

    /// The seconds of the run.
    #[must_use]
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// The first hundred errors.
    #[must_use]
    pub fn first_errors(&self) -> &[ErrorSample] {
        &self.first_errors
    }

    /// When the first command that failed was due, since the beginning.
    #[must_use]
    pub const fn errors_begin(&self) -> Option<Duration> {
        self.errors_begin
    }
}

fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "three digits are a precision that it has")]
    Histogram::new(DIGITS).expect("at most five digits")
}

fn record(latencies: &mut Histogram<u64>, latency: Duration) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    // It grows with what is recorded, and fails only beyond 64 bits.
    let _ = latencies.record(micros);
}

fn quantile(latencies: &Histogram<u64>, share: f64) -> Option<Duration> {
    let found = (!latencies.is_empty()).then(|| latencies.value_at_quantile(share));
    // A bucket's upper end may be above the highest value in it.
    found.map(|micros| Duration::from_micros(micros.min(latencies.max())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    const LATE: Outcome = Outcome::Failed(Error::ReadTimeout);
    const REFUSED: Outcome = Outcome::Failed(Error::Unconnected);

    /// The statistics of commands that were due, sent and ended at these milliseconds.
    fn statistics(commands: &[(u64, u64, u64, Outcome)]) -> Statistics {
        let lines = "7\t0\t0\ttweet\tann\thello\n".repeat(commands.len());
        let scenario = Scenario::parse(&lines).expect("valid");
        let mut statistics = Statistics::new(commands.len());
        let at = |millis| Duration::from_millis(millis);
        let began = statistics.began;
        for (place, &(due, sent, ended, outcome)) in (0..).zip(commands) {
            let (due, sent, ended) = (began + at(due), began + at(sent), began + at(ended));
            let detail = String::new();
            let ended = Ended { place, due, sent, ended, outcome, detail };
            statistics.add(ended, &scenario.commands()[place as usize]);
        }
        statistics.end_second();
        statistics
    }

    #[test]
    fn latency_counts_from_when_a_command_was_due() {
        let statistics = statistics(&[(0, 900, 1_000, Outcome::Done)]);
        let latency = statistics.all().quantile(1.0).expect("a latency").as_millis();
        assert_eq!((latency, statistics.all().failed()), (1_000, 0));
    }

    #[test]
    fn seconds_count_what_was_sent_and_what_ended_in_them() {
        let done = Outcome::Done;
        let commands = [(0, 0, 10, done), (900, 900, 1_200, LATE), (3_500, 3_500, 3_520, done)];
        let statistics = statistics(&commands);
        let counts = statistics.seconds().iter().map(|it| (it.sent, it.errors));
        assert_eq!(counts.collect::<Vec<_>>(), [(2, 0), (0, 1), (0, 0), (1, 0)]);
        let longest = statistics.seconds().iter().map(|it| it.latency.map(|it| it.max.as_millis()));
        assert_eq!(longest.collect::<Vec<_>>(), [Some(10), Some(300), None, Some(20)]);
        assert_eq!(statistics.errors_begin(), Some(Duration::from_millis(900)));
    }

    #[test]
    fn a_command_without_a_connection_has_no_latency() {
        let statistics = statistics(&[(5, 5, 6, REFUSED), (2, 2, 9, REFUSED)]);
        let tally = statistics.all();
        assert_eq!((tally.count, tally.failed(), tally.quantile(0.5)), (2, 2, None));
        assert_eq!(statistics.errors_begin(), Some(Duration::from_millis(2)));
        assert_eq!(statistics.first_errors().len(), 2);
    }
}
