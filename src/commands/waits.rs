//! Waits at the start of a command: each is logged after one second, has a limit, and ends on a signal.

use std::{
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use child_process::Cancel;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Failure,
    stop::{Stop, Stopped},
};
use crate::config::DatabaseArgs;

/// The time after which a wait is logged.
const ANNOUNCED: Duration = Duration::from_secs(1);
/// The limit of all waits but that for a connection.
const START_TIMEOUT: Duration = Duration::from_secs(600);

/// The limit of a wait has passed.
#[derive(Debug, thiserror::Error)]
#[error("waited {seconds} s for {what}, which is the limit of {setting}")]
struct TooLong {
    what: String,
    seconds: u64,
    setting: &'static str,
}

/// The longest time of a wait, and the setting that says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) time: Duration,
    pub(super) setting: &'static str,
}

/// How a command waits.
#[derive(Clone)]
pub(super) struct Waits {
    stop: Stop,
    connect: Duration,
    start: Option<Duration>,
}

impl Waits {
    pub(super) fn new(settings: &DatabaseArgs, stop: &Stop) -> Self {
        let &DatabaseArgs { connect_timeout, start_timeout, .. } = settings;
        Self { stop: stop.clone(), connect: connect_timeout, start: start_timeout }
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The limit of a connection to the database and its first response.
    pub(super) fn connect_limit(&self) -> Limit {
        Limit { time: self.connect, setting: "--connect-timeout (MINITWIT_CONNECT_TIMEOUT)" }
    }

    /// The limit of every other wait.
    pub(super) fn start_limit(&self) -> Limit {
        let time = self.start.unwrap_or(START_TIMEOUT);
        Limit { time, setting: "--start-timeout (MINITWIT_START_TIMEOUT)" }
    }

    /// The limit that the operator has set, if any.
    pub(super) fn given_start_limit(&self) -> Option<Duration> {
        self.start
    }

    /// Runs a task that waits for `what`. A stop signal or the limit drops the task.
    pub(super) async fn wait<T, E: Into<Failure>>(
        &self,
        what: &str,
        limit: Option<Limit>,
        task: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        let too_late = async {
            match limit {
                Some(Limit { time, .. }) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let announced = async {
            tokio::time::sleep(ANNOUNCED).await;
            announce(what, limit);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            _ = self.stop.first() => Err(Stopped.into()),
            result = task => result.map_err(Into::into),
            () = too_late => Err(too_long(what, limit)),
            () = announced => Err(Stopped.into()),
        }
    }

    /// Runs a function that blocks until `what` has happened. A stop signal or the limit cancels it.
    pub(super) fn block<T, E: Into<Failure>>(
        &self,
        what: &str,
        limit: Option<Limit>,
        task: impl FnOnce(&Cancel) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit.time));
        let cancel = match deadline {
            Some(deadline) => self.stop.cancel().at(deadline),
            None => self.stop.cancel().clone(),
        };
        let (done, is_done) = channel::<()>();
        let result = thread::scope(|scope| {
            let announcing = move || {
                if is_done.recv_timeout(ANNOUNCED) == Err(RecvTimeoutError::Timeout) {
                    announce(what, limit);
                }
            };
            // Without a further thread there is no line, and the task may succeed nevertheless.
            let _ = thread::Builder::new().spawn_scoped(scope, announcing);
            let result = task(&cancel);
            drop(done);
            result
        });
        result.map_err(|error| match self.stop.requested() {
            Some(_) => error.into(),
            None if cancel.is_cancelled() => too_long(what, limit),
            None => error.into(),
        })
    }
}

fn announce(what: &str, limit: Option<Limit>) {
    let since = OffsetDateTime::now_utc() - ANNOUNCED;
    let since = since.replace_nanosecond(0).unwrap_or(since).format(&Rfc3339).unwrap_or_default();
    let limit = limit.map(|limit| limit.time.as_secs());
    tracing::info!(since, limit_seconds = limit, "waiting for {what}");
}

fn too_long(what: &str, limit: Option<Limit>) -> Failure {
    let Some(Limit { time, setting }) = limit else { return Stopped.into() };
    TooLong { what: what.to_owned(), seconds: time.as_secs(), setting }.into()
}
