//! The simulator: plays a scenario against any MiniTwit over HTTP, as the real one does, counts what
//! is wrong or late, and checks what the system holds afterwards.
//!
//! A client: it knows nothing of the server's modules, and the contract alone of the server.

mod client;
mod compare;
mod generator;
mod json;
mod latest;
mod model;
mod names;
mod order;
mod outcome;
mod pace;
mod play;
mod plots;
mod progress;
mod report;
mod requests;
mod scenario;
mod statistics;
mod table;
mod target;
mod verify;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::HeaderValue;
use nix::sys::resource::{Resource, getrlimit};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

pub use compare::{Difference, Fault};
pub use generator::{Plan, PlanError, generate};
pub use outcome::{Effect, Error, Outcome};
pub use pace::Pace;
pub use scenario::{Action, BadLine, Command, Kind, Scenario, ScenarioError, UserIndex};
pub use statistics::{ErrorSample, Second, SecondsLatency, Statistics, Tally};
pub use target::TargetError;
pub use verify::Verification;

use client::{Client, Connections};
use play::Player;
use target::Target;

/// Files that are open beside the connections: the runtime's, the reports, the standard ones.
const OTHER_FILES: u64 = 64;

/// How a scenario is played.
#[derive(Clone)]
pub struct Settings {
    /// The MiniTwit, such as `http://127.0.0.1:8080/sim`. Paths are appended to it as it is.
    pub base_url: String,
    /// Who asks, by HTTP Basic.
    pub username: String,
    /// And their password.
    pub password: String,
    /// When commands are sent.
    pub pace: Pace,
    /// After this time nothing more is sent.
    pub duration: Option<Duration>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether connections are used again.
    pub keep_alive: bool,
    /// Whether what is there is read before and afterwards, and compared.
    pub verify: bool,
    /// Where the scenario is from and how it is played, for the reports, by the names of the settings.
    pub described: Vec<(&'static str, serde_json::Value)>,
}

/// Why nothing was played.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The base URL leads nowhere.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The credentials cannot be sent.
    #[error("the credentials cannot be sent in a header")]
    Credentials(#[source] hyper::header::InvalidHeaderValue),
    /// There would not be as many connections as the pace asks for, so that it could not be kept.
    #[error(
        "this pace may need {needed} connections at once, and the limit of open files is {limit}: \
         raise it (ulimit -n), or ask for less"
    )]
    TooFewFiles {
        /// How many there might be.
        needed: u64,
        /// How many there can be.
        limit: u64,
    },
}

/// What came of playing a scenario.
#[derive(Debug)]
pub struct Run {
    /// The base URL.
    pub base_url: String,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// How long it took, the comparison not included.
    pub took: Duration,
    /// How it was played, by the names of the settings.
    pub settings: Vec<(&'static str, serde_json::Value)>,
    /// When commands were sent.
    pub pace: Pace,
    /// How many commands the scenario has.
    pub commands: usize,
    /// What was counted.
    pub statistics: Statistics,
    /// What was found afterwards, where that was asked for.
    pub verification: Option<Verification>,
}

impl Run {
    /// Whether there was no error, no difference, and nothing that could not be seen.
    #[must_use]
    pub fn passed(&self) -> bool {
        let verified = self.verification.as_ref().is_none_or(Verification::passed);
        self.statistics.all().failed() == 0 && verified
    }

    /// Commands answered a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        if seconds > 0.0 { self.statistics.all().count as f64 / seconds } else { 0.0 }
    }

    /// Commands a second that were due when the first one that failed was.
    #[must_use]
    pub fn errors_begin_at_rate(&self) -> Option<f64> {
        self.statistics.errors_begin().and_then(|time| self.pace.rate_at(time))
    }

    /// The table for the terminal.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(self)
    }

    /// All figures, for machines.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        json::json(self)
    }

    /// A page with plots, for people.
    ///
    /// # Errors
    /// When a plot cannot be drawn.
    pub fn page(&self) -> Result<String, plots::PlotError> {
        report::page(self)
    }
}

/// Plays a scenario to its end, or until `stop`, and then waits for what is under way.
///
/// # Errors
/// When nothing can be sent at all.
pub async fn run(
    settings: Settings,
    scenario: Scenario,
    stop: CancellationToken,
) -> Result<Run, RunError> {
    check_files(&settings, scenario.commands().len())?;
    let target = Target::parse(&settings.base_url)?;
    let base_url = target.as_str().to_owned();
    let authorization = authorization(&settings)?;
    let connections = if settings.keep_alive { Connections::KeepAlive } else { Connections::Close };
    let client = Client::new(target, authorization, connections).await?;
    let scenario = Arc::new(scenario);
    let before = match settings.verify {
        true => Some(verify::before(&client, &scenario, &stop).await),
        false => None,
    };
    // What was stopped before anything was sent is not read a second time.
    let no_reading = if stop.is_cancelled() { stop.clone() } else { CancellationToken::new() };
    let started_at = OffsetDateTime::now_utc();
    let enough = stop.child_token();
    let (pace, timeout) = (settings.pace, settings.timeout);
    let player =
        Player::new(Arc::clone(&scenario), Arc::clone(&client), pace, timeout, enough.clone());
    let bar = progress::show(Arc::clone(&player), scenario.commands().len());
    let took = play(&player, &settings, enough).await;
    bar.finish().await;
    let mut statistics = std::mem::replace(&mut *player.statistics(), Statistics::new(0));
    let verification = match before {
        None => None,
        Some(before) => {
            let outcomes = std::mem::take(&mut statistics.outcomes);
            let possible = |before| statistics.latest.possible(before);
            let (client, scenario) = (&client, &scenario);
            Some(verify::after(client, scenario, &no_reading, before, outcomes, possible).await)
        }
    };
    let (commands, settings) = (scenario.commands().len(), settings.described);
    Ok(Run { base_url, started_at, took, settings, pace, commands, statistics, verification })
}

/// Plays for as long as the settings say.
async fn play(player: &Arc<Player>, settings: &Settings, enough: CancellationToken) -> Duration {
    let Some(duration) = settings.duration else { return player.play(settings.pace).await };
    let over = async {
        tokio::time::sleep(duration).await;
        enough.cancel();
        std::future::pending().await
    };
    tokio::select! {
        took = player.play(settings.pace) => took,
        () = over => duration,
    }
}

fn authorization(settings: &Settings) -> Result<HeaderValue, RunError> {
    let credentials = format!("{}:{}", settings.username, settings.password);
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)));
    let mut value = value.map_err(RunError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses a pace for which connections would run out: waiting for one would be the client's own
/// slowness, and look like the server's.
fn check_files(settings: &Settings, commands: usize) -> Result<(), RunError> {
    let connections = settings.pace.most_under_way(settings.timeout).min(commands as u64);
    let needed = connections + OTHER_FILES;
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    if needed > limit { Err(RunError::TooFewFiles { needed, limit }) } else { Ok(()) }
}
