//! The check of the contract: one check per rule, against any MiniTwit.
//!
//! A check uses users of its own, so it works on any system. It looks at its rule alone and is lenient
//! about all others: a system that breaks one rule fails one check. The checks run one by one, because
//! `latest` is one value for all clients.

mod answer;
mod bodies;
mod credentials;
mod errors;
mod follows;
mod latest;
mod messages;
mod names;
mod paging;
mod paths;
mod registration;
mod report;
mod restart;
mod result;
mod rule;
mod tester;

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use report::{check_json, check_table};
pub use result::{CheckReport, CheckResult, Checked, Mismatch};
use rule::Rule;
use tester::Tester;

use crate::{
    client::{Client, Connections},
    run::{RunError, authorization},
    target::{Target, TargetError},
    wrong_address::{self, WrongAddress},
};

/// Time-out of a request. A check is about rules; a run measures latencies.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is checked, and how.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// The simulator API, such as `http://127.0.0.1:8080/sim`.
    pub base_url: String,
    /// User name for HTTP Basic authentication.
    pub username: String,
    /// Password for HTTP Basic authentication.
    pub password: String,
    /// Whether connections are reused. If not, several servers behind one address all get requests.
    pub keep_alive: bool,
    /// A shell command that restarts the server. Without it, the checks of a restart are skipped.
    pub restart_command: Option<String>,
}

/// Why a check did not start.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The base URL is malformed, or its host is unknown.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The credentials contain characters that a header cannot hold.
    #[error(transparent)]
    Credentials(#[from] RunError),
    /// The base URL leads to pages.
    #[error(transparent)]
    WrongAddress(#[from] WrongAddress),
    /// The system does not respond.
    #[error("there is no response: {0}")]
    NoResponse(Mismatch),
}

/// All rules, in the order in which they are checked.
fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        registration::RULES,
        names::RULES,
        messages::RULES,
        paging::RULES,
        follows::RULES,
        credentials::RULES,
        bodies::RULES,
        errors::RULES,
        paths::RULES,
        latest::RULES,
        restart::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The names of all checks.
pub fn check_ids() -> Vec<&'static str> {
    rules().map(|rule| rule.id).collect()
}

/// Checks every rule of the contract, until `stop`. Returns an error if the system does not respond.
pub async fn check(
    settings: CheckSettings,
    stop: CancellationToken,
) -> Result<CheckReport, CheckError> {
    let target = Target::parse(&settings.base_url)?;
    let base_url = target.as_str().to_owned();
    let credentials = authorization(&settings.username, &settings.password)?;
    let connections = if settings.keep_alive { Connections::KeepAlive } else { Connections::Close };
    let client = Client::new(target, credentials, connections).await?;
    stop.run_until_cancelled(wrong_address::check(&client)).await.unwrap_or(Ok(()))?;
    let tester = Tester::new(client, settings.restart_command, TIMEOUT);
    tester.find_latest().await.map_err(CheckError::NoResponse)?;
    let (started_at, start) = (OffsetDateTime::now_utc(), Instant::now());
    let mut checks = Vec::new();
    for rule in rules() {
        let result = match stop.run_until_cancelled(rule.check(&tester)).await {
            Some(result) => result,
            None => CheckResult::Skipped("the check was stopped"),
        };
        checks.push(Checked { id: rule.id, rule: rule.text, result });
    }
    tester.restore_latest().await;
    Ok(CheckReport { base_url, started_at, took: start.elapsed(), checks })
}
