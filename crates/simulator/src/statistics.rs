//! Counts and latencies of a run.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::{
    latest::LatestCandidates,
    outcome::{CommandError, Outcome},
    scenario::{Command, CommandKind},
};

/// Significant digits of latencies, which are in microseconds.
const LATENCY_DIGITS: u8 = 3;
/// Errors that are kept in full.
const MAX_ERROR_SAMPLES: usize = 100;

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct CompletedCommand {
    /// Index in the scenario.
    pub(crate) index: u32,
    /// Start of the latency: when the command was due, or was sent if it had no due time.
    pub(crate) due: Instant,
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
    /// The response body or network error of a failure.
    pub(crate) detail: String,
}

/// An error in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSample {
    /// The command's number.
    pub number: i64,
    /// The kind of command.
    pub kind: CommandKind,
    /// The category.
    pub error: CommandError,
    /// The response body or network error.
    pub detail: String,
}

/// Counts of the commands of one kind, or of all commands.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Commands that have ended.
    pub count: u64,
    /// Registrations of users who existed before the run.
    pub existing: u64,
    /// Failed commands, by error.
    pub errors: BTreeMap<CommandError, u64>,
    /// Latencies in microseconds, up to the response or the time-out; without failed connections.
    pub latencies: Histogram<u64>,
}

/// The registrations before the clock of a run started.
#[derive(Debug, Clone)]
pub struct RegistrationPhase {
    /// Their counts.
    pub tally: Tally,
    /// How long the phase took.
    pub took: Duration,
}

/// Counts of one second of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondStatistics {
    /// Commands sent in this second.
    pub sent: u64,
    /// Commands that failed in this second.
    pub errors: u64,
    /// Latencies of the commands that ended in this second, if any.
    pub latency: Option<SecondLatency>,
}

/// Latencies of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondLatency {
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The maximum.
    pub max: Duration,
}

/// All counts of a run. Those by kind, by second and of all commands leave out the registration phase.
#[derive(Debug)]
pub struct Statistics {
    pub(crate) start: Instant,
    pub(crate) outcomes: Vec<Option<Outcome>>,
    pub(crate) latest: LatestCandidates,
    registration_phase: Option<RegistrationPhase>,
    by_kind: [Tally; 4],
    all: Tally,
    seconds: Vec<SecondStatistics>,
    /// The index and the latencies of the second that is not complete.
    current: (usize, Histogram<u64>),
    first_errors: Vec<ErrorSample>,
    /// When the earliest command that failed from overload was due, since the start.
    overload_begins: Option<Duration>,
}

impl Tally {
    fn new() -> Self {
        Self { count: 0, existing: 0, errors: BTreeMap::new(), latencies: histogram() }
    }

    fn add(&mut self, outcome: Outcome, latency: Duration) {
        self.count += 1;
        match outcome {
            Outcome::Done => {}
            Outcome::AlreadyRegistered => self.existing += 1,
            Outcome::Failed(error) => *self.errors.entry(error).or_default() += 1,
        }
        if outcome.has_latency() {
            record(&mut self.latencies, latency);
        }
    }

    /// The number of failed commands.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// The latency that this share of the commands did not exceed, if any was recorded.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        quantile(&self.latencies, share)
    }
}

impl Statistics {
    /// Empty statistics for a scenario with this many commands.
    pub(crate) fn new(commands: usize) -> Self {
        Self {
            start: Instant::now(),
            outcomes: vec![None; commands],
            latest: LatestCandidates::default(),
            registration_phase: None,
            by_kind: CommandKind::ALL.map(|_| Tally::new()),
            all: Tally::new(),
            seconds: Vec::new(),
            current: (0, histogram()),
            first_errors: Vec::new(),
            overload_begins: None,
        }
    }

    /// Begins the registration phase.
    pub(crate) fn begin_registration_phase(&mut self) {
        let phase = RegistrationPhase { tally: Tally::new(), took: Duration::ZERO };
        self.registration_phase = Some(phase);
    }

    /// Ends the registration phase.
    pub(crate) fn end_registration_phase(&mut self) {
        let took = self.start.elapsed();
        self.registration_phase.iter_mut().for_each(|phase| phase.took = took);
    }

    /// Adds a command of the registration phase.
    pub(crate) fn add_registration(&mut self, completed: CompletedCommand, command: &Command) {
        let latency = completed.ended.saturating_duration_since(completed.due);
        if let Some(phase) = &mut self.registration_phase {
            phase.tally.add(completed.outcome, latency);
        }
        self.keep_outcome(completed, command);
    }

    /// Adds a command that was sent after the clock started.
    pub(crate) fn add(&mut self, completed: CompletedCommand, command: &Command) {
        let CompletedCommand { due, sent, ended, outcome, .. } = completed;
        let latency = ended.saturating_duration_since(due);
        self.by_kind[command.kind() as usize].add(outcome, latency);
        self.all.add(outcome, latency);
        self.second(sent).1.sent += 1;
        let (index, second) = self.second(ended);
        if let Outcome::Failed(error) = outcome {
            second.errors += 1;
            if error.is_overload() {
                let due = due.saturating_duration_since(self.start);
                self.overload_begins = Some(self.overload_begins.map_or(due, |it| it.min(due)));
            }
        }
        if outcome.has_latency() {
            if index > self.current.0 {
                self.end_second();
                self.current.0 = index;
            }
            record(&mut self.current.1, latency);
        }
        self.keep_outcome(completed, command);
    }

    /// Keeps what verification needs, and the first errors.
    fn keep_outcome(&mut self, completed: CompletedCommand, command: &Command) {
        let CompletedCommand { index, sent, ended, outcome, detail, .. } = completed;
        self.outcomes[index as usize] = Some(outcome);
        self.latest.add(command.number, sent, ended, outcome.effect_on_latest());
        if let Outcome::Failed(error) = outcome
            && self.first_errors.len() < MAX_ERROR_SAMPLES
        {
            let (number, kind) = (command.number, command.kind());
            self.first_errors.push(ErrorSample { number, kind, error, detail });
        }
    }

    fn second(&mut self, time: Instant) -> (usize, &mut SecondStatistics) {
        let index = time.saturating_duration_since(self.start).as_secs() as usize;
        if self.seconds.len() <= index {
            self.seconds.resize(index + 1, SecondStatistics::default());
        }
        (index, &mut self.seconds[index])
    }

    /// Stores the latencies of the current second.
    pub(crate) fn end_second(&mut self) {
        let (index, latencies) = &mut self.current;
        let at = |share| quantile(latencies, share);
        if let (Some(p50), Some(p99), Some(max)) = (at(0.5), at(0.99), at(1.0)) {
            self.seconds[*index].latency = Some(SecondLatency { p50, p99, max });
        }
        latencies.reset();
    }

    /// The counts by kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (CommandKind, &Tally)> {
        CommandKind::ALL.into_iter().zip(&self.by_kind)
    }

    /// The counts of all commands.
    pub const fn all(&self) -> &Tally {
        &self.all
    }

    /// The counts of each second.
    pub fn seconds(&self) -> &[SecondStatistics] {
        &self.seconds
    }

    /// The first errors, at most 100.
    pub fn first_errors(&self) -> &[ErrorSample] {
        &self.first_errors
    }

    /// The registrations before the clock started, if there was such a phase.
    pub const fn registration_phase(&self) -> Option<&RegistrationPhase> {
        self.registration_phase.as_ref()
    }

    /// The number of commands that have ended, the registration phase included.
    pub fn completed(&self) -> u64 {
        self.all.count + self.registration_phase.as_ref().map_or(0, |phase| phase.tally.count)
    }

    /// The number of failed commands, the registration phase included.
    pub fn failed(&self) -> u64 {
        self.all.failed() + self.registration_phase.as_ref().map_or(0, |it| it.tally.failed())
    }

    /// The number of users who existed before the run and were not registered again.
    pub fn existing_users(&self) -> u64 {
        self.all.existing + self.registration_phase.as_ref().map_or(0, |it| it.tally.existing)
    }

    /// When the earliest command that failed from overload was due, since the start
    /// ([`CommandError::is_overload`]).
    pub const fn overload_begins(&self) -> Option<Duration> {
        self.overload_begins
    }
}

fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the histogram supports up to five digits")]
    Histogram::new(LATENCY_DIGITS).expect("at most five digits")
}

fn record(latencies: &mut Histogram<u64>, latency: Duration) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    // The histogram grows as needed and fails only beyond 64 bits.
    let _ = latencies.record(micros);
}

fn quantile(latencies: &Histogram<u64>, share: f64) -> Option<Duration> {
    let found = (!latencies.is_empty()).then(|| latencies.value_at_quantile(share));
    // The upper end of a bucket may exceed the highest recorded value.
    found.map(|micros| Duration::from_micros(micros.min(latencies.max())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    const LATE: Outcome = Outcome::Failed(CommandError::ReadTimeout);
    const NO_CONNECTION: Outcome = Outcome::Failed(CommandError::ConnectFailed);

    /// The statistics of commands that were due, sent and ended at these times in milliseconds.
    fn statistics(commands: &[(u64, u64, u64, Outcome)]) -> Statistics {
        let lines = "7\t0\t0\ttweet\tann\thello\n".repeat(commands.len());
        let scenario = Scenario::parse(&lines).expect("valid");
        let mut statistics = Statistics::new(commands.len());
        let at = |millis| Duration::from_millis(millis);
        let start = statistics.start;
        for (index, &(due, sent, ended, outcome)) in (0..).zip(commands) {
            let (due, sent, ended) = (start + at(due), start + at(sent), start + at(ended));
            let detail = String::new();
            let completed = CompletedCommand { index, due, sent, ended, outcome, detail };
            statistics.add(completed, &scenario.commands()[index as usize]);
        }
        statistics.end_second();
        statistics
    }

    #[test]
    fn the_latency_begins_when_the_command_was_due() {
        let statistics = statistics(&[(0, 900, 1_000, Outcome::Done)]);
        let latency = statistics.all().quantile(1.0).expect("a latency").as_millis();
        assert_eq!((latency, statistics.all().failed()), (1_000, 0));
    }

    #[test]
    fn each_second_counts_sent_and_ended_commands() {
        let done = Outcome::Done;
        let commands = [(0, 0, 10, done), (900, 900, 1_200, LATE), (3_500, 3_500, 3_520, done)];
        let statistics = statistics(&commands);
        let counts = statistics.seconds().iter().map(|it| (it.sent, it.errors));
        assert_eq!(counts.collect::<Vec<_>>(), [(2, 0), (0, 1), (0, 0), (1, 0)]);
        let longest = statistics.seconds().iter().map(|it| it.latency.map(|it| it.max.as_millis()));
        assert_eq!(longest.collect::<Vec<_>>(), [Some(10), Some(300), None, Some(20)]);
        assert_eq!(statistics.overload_begins(), Some(Duration::from_millis(900)));
    }

    #[test]
    fn a_command_without_a_connection_has_no_latency() {
        let statistics = statistics(&[(5, 5, 6, NO_CONNECTION), (2, 2, 9, NO_CONNECTION)]);
        let tally = statistics.all();
        assert_eq!((tally.count, tally.failed(), tally.quantile(0.5)), (2, 2, None));
        assert_eq!(statistics.overload_begins(), Some(Duration::from_millis(2)));
        assert_eq!(statistics.first_errors().len(), 2);
    }

    #[test]
    fn only_signs_of_overload_count_for_its_beginning() {
        use CommandError::{ConnectTimeout, ConnectionBroken, Status};
        let at = |due, error| (due, due, due + 1, Outcome::Failed(error));
        let rejections = [200, 400, 403, 404, 499].map(Status);
        let signs =
            [Status(500), Status(503), ConnectionBroken, ConnectTimeout, CommandError::ReadTimeout];
        let rejected = (0..).zip(rejections).map(|(due, error)| at(due, error));
        let rejected: Vec<_> = rejected.collect();
        assert_eq!(statistics(&rejected).overload_begins(), None);
        for sign in signs {
            let all = [&rejected[..], &[at(70, sign), at(50, sign)]].concat();
            let begins = statistics(&all).overload_begins();
            assert_eq!(begins, Some(Duration::from_millis(50)), "{sign}");
        }
    }

    #[test]
    fn an_existing_user_is_counted_apart_and_has_no_latency() {
        let statistics = statistics(&[(0, 0, 9, Outcome::AlreadyRegistered)]);
        let tally = statistics.all();
        assert_eq!((tally.count, tally.existing, tally.failed()), (1, 1, 0));
        assert_eq!((tally.quantile(1.0), statistics.existing_users()), (None, 1));
    }

    #[test]
    fn the_registration_phase_is_counted_apart_from_the_clock() {
        let lines = "0\t0\t0\tregister\tann\ta@a\tp\n1\t0\t0\tregister\tbob\tb@b\tp\n";
        let scenario = Scenario::parse(lines).expect("valid");
        let mut statistics = Statistics::new(2);
        let sent = statistics.start;
        let ended = sent + Duration::from_millis(70);
        statistics.begin_registration_phase();
        for (index, outcome) in [(0, Outcome::Done), (1, LATE)] {
            let detail = String::new();
            let completed = CompletedCommand { index, due: sent, sent, ended, outcome, detail };
            statistics.add_registration(completed, &scenario.commands()[index as usize]);
        }
        let phase = statistics.registration_phase().expect("a phase");
        assert_eq!((phase.tally.count, phase.tally.failed()), (2, 1));
        assert_eq!((statistics.all().count, statistics.seconds().len()), (0, 0));
        assert_eq!((statistics.completed(), statistics.failed()), (2, 1));
        assert_eq!(statistics.overload_begins(), None, "the clock has not started");
        assert_eq!(statistics.outcomes, [Some(Outcome::Done), Some(LATE)]);
        assert_eq!(statistics.first_errors().len(), 1);
    }
}
