//! One run: checks the settings, plays the scenario, and verifies the result.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::HeaderValue;
use nix::sys::resource::{Resource, getrlimit};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, Connections},
    pace::Pace,
    play::{PlaySettings, Player},
    progress,
    record::{self, RecordError, Recorder},
    scenario::Scenario,
    statistics::Statistics,
    target::{Target, TargetError},
    verify::{self, Verification},
    wrong_address::{self, WrongAddress},
};

/// Files that the process opens besides connections: the runtime's, the reports, standard streams.
const OTHER_FILES: u64 = 64;

/// How a scenario is played.
#[derive(Clone)]
pub struct Settings {
    /// How to reach the system.
    pub access: Access,
    /// When commands are sent.
    pub pace: Pace,
    /// Time after which no further command is sent; it begins after the registration phase.
    pub duration: Option<Duration>,
    /// Time-out of one command.
    pub timeout: Duration,
    /// Whether users are registered in a phase of its own, before the clock starts.
    pub register_first: bool,
    /// Whether users of the scenario may exist already. If so, the run looks for them first, and
    /// does not count their registrations as errors.
    pub users_may_exist: bool,
    /// Whether connections are reused.
    pub keep_alive: bool,
    /// Whether the system is read before and after the run, and compared with the model.
    pub verify: bool,
    /// Where the end of each command is recorded.
    pub record: Option<Arc<Recorder>>,
    /// Settings that the reports show, by name.
    pub described: Vec<(&'static str, serde_json::Value)>,
}

/// Why a run did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The record cannot be read.
    #[error("--record")]
    Record(#[from] RecordError),
    /// The base URL is malformed, or its host is unknown.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The credentials contain characters that a header cannot hold.
    #[error("the credentials cannot be sent in a header")]
    Credentials(#[source] hyper::header::InvalidHeaderValue),
    /// The base URL leads to pages.
    #[error(transparent)]
    WrongAddress(#[from] WrongAddress),
    /// The limit of open files is below the number of connections that the pace may need.
    #[error(
        "this pace may need {needed} connections at once, and the limit of open files is {limit}: \
         raise it (ulimit -n), or lower the rate or the time-out"
    )]
    TooFewFiles {
        /// Files that the run may need.
        needed: u64,
        /// Files that the process may open.
        limit: u64,
    },
}

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// The base URL.
    pub base_url: String,
    /// When the first command could be sent.
    pub started_at: OffsetDateTime,
    /// How long the commands took, without the registration phase and verification.
    pub took: Duration,
    /// [`Settings::described`].
    pub settings: Vec<(&'static str, serde_json::Value)>,
    /// When commands were sent.
    pub pace: Pace,
    /// Number of commands in the scenario.
    pub commands: usize,
    /// Counts and latencies.
    pub statistics: Statistics,
    /// The comparison with the model, if requested.
    pub verification: Option<Verification>,
}

impl Run {
    /// True without any error, difference or unverifiable item.
    pub fn passed(&self) -> bool {
        let verified = self.verification.as_ref().is_none_or(Verification::passed);
        self.statistics.failed() == 0 && verified
    }

    /// Completed commands per second, without the registration phase.
    pub fn rate(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        if seconds > 0.0 { self.statistics.all().count as f64 / seconds } else { 0.0 }
    }

    pub(crate) fn progress(&self) -> String {
        let phase = self.statistics.registration_phase();
        let registered = phase.map_or(0, |it| it.tally.count);
        let all = self.commands as u64 - registered;
        let (count, seconds) = (self.statistics.all().count, self.took.as_secs_f64());
        format!("{count} of {all} commands in {seconds:.1} s")
    }

    /// The rate, in commands per second, at which the earliest command that failed from overload was
    /// due ([`crate::CommandError::is_overload`]).
    pub fn errors_begin_at_rate(&self) -> Option<f64> {
        self.statistics.overload_begins().and_then(|time| self.pace.rate_at(time))
    }
}

/// Plays a scenario to its end or until `stop` is cancelled; waits for the requests in flight.
pub async fn run(
    settings: Settings,
    scenario: Scenario,
    stop: CancellationToken,
) -> Result<Run, RunError> {
    check_file_limit(&settings, scenario.commands().len())?;
    let connections = if settings.keep_alive { Connections::KeepAlive } else { Connections::Close };
    let client = connect(&settings.access, connections).await?;
    stop.run_until_cancelled(wrong_address::check(&client)).await.unwrap_or(Ok(()))?;
    let scenario = Arc::new(scenario);
    let before = match settings.verify {
        true => Some(verify::read_before(&client, &scenario, &stop).await),
        false => None,
    };
    let existed = match &before {
        Some(before) => before.existing_users(),
        None if settings.users_may_exist => {
            verify::find_existing_users(&client, &scenario, &stop).await
        }
        None => Vec::new(),
    };
    // A run that was stopped before its first command is not verified; one stopped later is.
    let stop_verification =
        if stop.is_cancelled() { stop.clone() } else { CancellationToken::new() };
    let started_at = OffsetDateTime::now_utc();
    let (took, mut statistics) = play(&settings, &scenario, &client, existed, &stop).await;
    let verification = match before {
        None => None,
        Some(before) => {
            let outcomes = std::mem::take(&mut statistics.outcomes);
            let possible_latest = |before| statistics.latest.possible(before);
            let stop = &stop_verification;
            let verification =
                verify::after(&client, &scenario, stop, before, outcomes, possible_latest);
            Some(verification.await)
        }
    };
    let Settings { access: Access { base_url, .. }, pace, described: settings, .. } = settings;
    let commands = scenario.commands().len();
    Ok(Run { base_url, started_at, took, settings, pace, commands, statistics, verification })
}

/// How to reach a system.
#[derive(Clone)]
pub struct Access {
    /// The simulator API, such as `http://127.0.0.1:8080/sim`. Paths are appended to it unchanged.
    pub base_url: String,
    /// User name for HTTP Basic authentication.
    pub username: String,
    /// Password for HTTP Basic authentication.
    pub password: String,
}

/// Compares a system with the record of a run, all of whose users were new. Commands that ended after
/// `until` are uncertain.
pub async fn verify_record(
    access: &Access,
    scenario: Scenario,
    record: &Path,
    until: Option<OffsetDateTime>,
    stop: CancellationToken,
) -> Result<Verification, RunError> {
    let outcomes = record::read(record, &scenario, until)?;
    let client = connect(access, Connections::KeepAlive).await?;
    stop.run_until_cancelled(wrong_address::check(&client)).await.unwrap_or(Ok(()))?;
    Ok(verify::recorded(&client, &Arc::new(scenario), &stop, outcomes).await)
}

async fn connect(access: &Access, connections: Connections) -> Result<Arc<Client>, RunError> {
    let target = Target::parse(&access.base_url)?;
    let authorization = authorization(&access.username, &access.password)?;
    Ok(Client::new(target, authorization, connections).await?)
}

/// Plays the scenario. Returns how long that took after the registration phase, and the counts.
async fn play(
    settings: &Settings,
    scenario: &Arc<Scenario>,
    client: &Arc<Client>,
    existed: Vec<bool>,
    stop: &CancellationToken,
) -> (Duration, Statistics) {
    let stop_sending = stop.child_token();
    let play_settings = PlaySettings {
        pace: settings.pace,
        timeout: settings.timeout,
        register_first: settings.register_first,
        existed,
        record: settings.record.clone(),
        stop: stop_sending.clone(),
    };
    let player = Player::new(Arc::clone(scenario), Arc::clone(client), play_settings);
    let bar = progress::show(Arc::clone(&player), scenario.commands().len());
    player.register().await;
    let took = play_until(&player, settings.duration, stop_sending).await;
    bar.finish().await;
    let statistics = std::mem::replace(&mut *player.statistics(), Statistics::new(0));
    (took, statistics)
}

/// Plays until the scenario or `duration` ends. Returns how long that took.
async fn play_until(
    player: &Arc<Player>,
    duration: Option<Duration>,
    stop_sending: CancellationToken,
) -> Duration {
    let Some(duration) = duration else { return player.play().await };
    let expire = async {
        tokio::time::sleep(duration).await;
        stop_sending.cancel();
        std::future::pending().await
    };
    tokio::select! {
        took = player.play() => took,
        () = expire => duration,
    }
}

/// The value of the header `Authorization`.
pub(crate) fn authorization(username: &str, password: &str) -> Result<HeaderValue, RunError> {
    let credentials = format!("{username}:{password}");
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)));
    let mut value = value.map_err(RunError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Rejects a pace that may need more connections than the process may open: the wait for a free
/// file would look like latency of the server.
fn check_file_limit(settings: &Settings, commands: usize) -> Result<(), RunError> {
    let connections = settings.pace.max_in_flight(settings.timeout).min(commands as u64);
    let needed = connections + OTHER_FILES;
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    if needed > limit { Err(RunError::TooFewFiles { needed, limit }) } else { Ok(()) }
}
