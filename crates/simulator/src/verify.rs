//! Reads the system through the API before and after a run, and compares it with the model.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::Method;
use serde::de::DeserializeOwned;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    compare::{self, Comparison, Difference, DifferenceKind},
    model::{CommandsByUser, Expected, UserState, canonical},
    outcome::{Effect, Outcome},
    requests::{self, FollowsBody, LatestBody, MessageBody},
    scenario::Scenario,
};

/// Time-out of one read. Reads are not measured, and a server that was just overloaded may need time
/// to recover.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The status of an overloaded server; the read is retried after [`RETRY_PAUSE`].
const OVERLOADED: u16 = 503;
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Time-out of the question whether a user exists.
const EXISTENCE_TIMEOUT: Duration = Duration::from_secs(5);
/// Concurrent reads.
const READERS: usize = 16;

/// The state of the system before a run.
#[derive(Debug, Clone)]
pub(crate) struct StateBefore {
    latest: Result<i64, ReadError>,
    /// By user index.
    users: Vec<Result<UserState, ReadError>>,
}

impl StateBefore {
    /// By user index: whether the user exists, as far as that could be read.
    pub(crate) fn existing_users(&self) -> Vec<bool> {
        self.users.iter().map(|user| user.as_ref().is_ok_and(|user| user.exists)).collect()
    }
}

/// Why a read failed.
#[derive(Debug, Clone)]
pub(crate) enum ReadError {
    /// The response violates the contract.
    Malformed(String),
    /// There is no response, or it has an error status.
    Failed(String),
}

/// The comparison of the system with the model.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Users that were compared.
    pub users: usize,
    /// Messages that were read.
    pub messages: usize,
    /// Follows that were read.
    pub follows: usize,
    /// Commands with an uncertain effect: the system is correct with and without it.
    pub uncertain: usize,
    /// The value of `latest`; `None` if it could not be read.
    pub latest: Option<i64>,
    /// The correct values of `latest`.
    pub possible_latest: Vec<i64>,
    /// All differences.
    pub differences: Vec<Difference>,
    /// Data that the API did not return, with the reason.
    pub unverifiable: Vec<String>,
}

impl Verification {
    /// True if everything was read and nothing differs.
    pub const fn passed(&self) -> bool {
        self.differences.is_empty() && self.unverifiable.is_empty()
    }

    /// The number of differences by kind.
    pub fn by_kind(&self) -> BTreeMap<DifferenceKind, usize> {
        let mut counts = BTreeMap::new();
        for difference in &self.differences {
            *counts.entry(difference.kind).or_default() += 1;
        }
        counts
    }
}

/// Reads the state of all users of a scenario, until `stop`.
pub(crate) async fn read_before(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
) -> StateBefore {
    let latest = unless_stopped(stop, latest(client)).await;
    let users = read_states(client, scenario, stop, |_, state| state).await;
    StateBefore { latest, users }
}

/// Finds out which users of a scenario exist. Gives up at the first failed read: then the rejected
/// registrations of existing users count as errors.
pub(crate) async fn find_existing_users(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
) -> Vec<bool> {
    let give_up = stop.child_token();
    read_all(scenario, {
        let (client, scenario) = (Arc::clone(client), Arc::clone(scenario));
        move |user| {
            let call = client.call(
                Method::GET,
                requests::newest_message(&scenario.users()[user]),
                Vec::new(),
            );
            let (client, give_up) = (Arc::clone(&client), give_up.clone());
            async move {
                let response =
                    give_up.run_until_cancelled(client.send(call, EXISTENCE_TIMEOUT)).await;
                let status = response.and_then(Result::ok).map(|response| response.status);
                if !matches!(status, Some(200 | 404)) {
                    give_up.cancel();
                }
                status == Some(200)
            }
        }
    })
    .await
}

/// Reads the state after a run, until `stop`, and compares it with the model.
pub(crate) async fn after(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
    before: StateBefore,
    outcomes: Vec<Option<Outcome>>,
    possible_latest: impl FnOnce(i64) -> Vec<i64>,
) -> Verification {
    let shown = unless_stopped(stop, latest(client)).await;
    let mut verification = compare_users(client, scenario, stop, before.users, outcomes).await;
    verification.latest(shown, before.latest, possible_latest);
    verification
}

/// Like [`after`], for users who were new. `latest` is not compared: other runs may have set it since.
pub(crate) async fn recorded(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
    outcomes: Vec<Option<Outcome>>,
) -> Verification {
    let before = scenario.users().iter().map(|_| Ok(UserState::default())).collect();
    compare_users(client, scenario, stop, before, outcomes).await
}

async fn compare_users(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
    before: Vec<Result<UserState, ReadError>>,
    outcomes: Vec<Option<Outcome>>,
) -> Verification {
    let uncertain = |it: &&Outcome| it.effect() == Effect::Uncertain;
    let uncertain = outcomes.iter().flatten().filter(uncertain).count();
    let mut verification = Verification { uncertain, ..Verification::default() };
    let commands = CommandsByUser::new(scenario);
    let of = Arc::clone(scenario);
    let compared = read_states(client, scenario, stop, move |user, shown| {
        let name = &of.users()[user];
        let (before, shown) = match (&before[user], shown) {
            (Ok(before), Ok(shown)) => (before, shown),
            (Err(error), _) => return (0, 0, error.comparison(name, "before the run")),
            (_, Err(error)) => return (0, 0, error.comparison(name, "after the run")),
        };
        let expected = Expected::of(&of, &commands, &outcomes, user, before);
        let comparison = compare::compare(name, &expected, &shown);
        (shown.messages.len(), shown.followees.len(), comparison)
    });
    for (messages, follows, comparison) in compared.await {
        verification.users += 1;
        verification.messages += messages;
        verification.follows += follows;
        verification.add(comparison);
    }
    verification
}

impl Verification {
    fn add(&mut self, comparison: Comparison) {
        self.differences.extend(comparison.differences);
        self.unverifiable.extend(comparison.unverifiable);
    }

    fn latest(
        &mut self,
        shown: Result<i64, ReadError>,
        before: Result<i64, ReadError>,
        possible: impl FnOnce(i64) -> Vec<i64>,
    ) {
        let shown = match (shown, before) {
            (Ok(shown), Ok(before)) => {
                self.possible_latest = possible(before);
                shown
            }
            (Err(error), _) | (_, Err(error)) => {
                self.add(error.comparison("latest", ""));
                return;
            }
        };
        self.latest = Some(shown);
        if !self.possible_latest.contains(&shown) {
            let detail = format!("is {shown}; correct: {}", list(&self.possible_latest));
            let kind = DifferenceKind::LatestWrong;
            self.differences.push(Difference { kind, user: None, number: None, detail });
        }
    }
}

/// The first ten numbers, as text.
fn list(numbers: &[i64]) -> String {
    let shown: Vec<String> = numbers.iter().take(10).map(ToString::to_string).collect();
    let more = if numbers.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

impl ReadError {
    /// The comparison of an item that could not be read.
    fn comparison(&self, item: &str, when: &str) -> Comparison {
        let mut comparison = Comparison::default();
        match self {
            Self::Malformed(detail) => comparison.differences.push(Difference {
                kind: DifferenceKind::Malformed,
                user: Some(item.to_owned()),
                number: None,
                detail: format!("{detail} {when}").trim_end().to_owned(),
            }),
            Self::Failed(detail) => {
                comparison
                    .unverifiable
                    .push(format!("{item}: {detail} {when}").trim_end().to_owned());
            }
        }
        comparison
    }
}

/// Reads all users with `read`, [`READERS`] at a time. Returns the results in the order of the users.
async fn read_all<T, R>(
    scenario: &Scenario,
    read: impl Fn(usize) -> R + Send + Sync + 'static,
) -> Vec<T>
where
    T: Send + 'static,
    R: Future<Output = T> + Send,
{
    let users = scenario.users().len();
    let (next, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(read));
    let mut readers = JoinSet::new();
    for _ in 0..READERS.min(users) {
        let (next, read) = (Arc::clone(&next), Arc::clone(&read));
        readers.spawn(async move {
            let mut results = Vec::new();
            loop {
                let user = next.fetch_add(1, Ordering::Relaxed);
                if user >= users {
                    return results;
                }
                results.push((user, read(user).await));
            }
        });
    }
    let mut all: Vec<(usize, T)> = readers.join_all().await.into_iter().flatten().collect();
    all.sort_by_key(|(user, _)| *user);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Reads the state of all users, until `stop`. Returns the results of `then`, in the order of the
/// users.
async fn read_states<T: Send + 'static>(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
    then: impl Fn(usize, Result<UserState, ReadError>) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let (client, names, stop) = (Arc::clone(client), Arc::clone(scenario), stop.clone());
    let then = Arc::new(then);
    read_all(scenario, move |user| {
        let (client, names, stop) = (Arc::clone(&client), Arc::clone(&names), stop.clone());
        let then = Arc::clone(&then);
        async move {
            let read = user_state(&client, &names.users()[user]);
            then(user, unless_stopped(&stop, read).await)
        }
    })
    .await
}

async fn unless_stopped<T>(
    stop: &CancellationToken,
    read: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, ReadError> {
    let read = stop.run_until_cancelled(read).await;
    read.unwrap_or_else(|| {
        Err(ReadError::Failed("not read, because the run was stopped".to_owned()))
    })
}

async fn user_state(client: &Client, name: &str) -> Result<UserState, ReadError> {
    let Some(messages) = get::<Vec<MessageBody>>(client, &requests::newest_messages(name)).await?
    else {
        return Ok(UserState::default());
    };
    let follows: Option<FollowsBody> = get(client, &requests::followees(name)).await?;
    let follows = follows.ok_or_else(|| {
        ReadError::Malformed("the follows give 404, and the messages do not".to_owned())
    })?;
    let is_others = |it: &&MessageBody| canonical(&it.user) != canonical(name);
    if let Some(other) = messages.iter().find(is_others) {
        return Err(ReadError::Malformed(format!("a message has the author {}", other.user)));
    }
    let messages = messages.into_iter().rev().map(|message| message.content).collect();
    let followees = follows.follows.iter().map(|name| canonical(name).into_owned()).collect();
    Ok(UserState { exists: true, messages, followees })
}

async fn latest(client: &Client) -> Result<i64, ReadError> {
    let latest: Option<LatestBody> = get(client, requests::LATEST).await?;
    latest.map(|it| it.latest).ok_or_else(|| ReadError::Failed("status 404".to_owned()))
}

/// Reads a path; `None` if the status is 404. Retries while the server is overloaded.
async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, ReadError> {
    let begun = Instant::now();
    let response = loop {
        let call = client.call(Method::GET, path, Vec::new());
        let response = client.send(call, READ_TIMEOUT).await;
        let response = response
            .map_err(|error| ReadError::Failed(format!("{}: {}", error.category, error.detail)))?;
        if response.status != OVERLOADED || begun.elapsed() > READ_TIMEOUT {
            break response;
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    };
    match response.status {
        200 => {}
        404 => return Ok(None),
        status => return Err(ReadError::Failed(format!("status {status}"))),
    }
    let read = serde_json::from_slice(&response.body);
    read.map(Some).map_err(|error| ReadError::Malformed(format!("{path} is malformed: {error}")))
}
