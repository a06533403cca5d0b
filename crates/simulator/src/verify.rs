//! Reads the system back through the API, before a run and after it, and compares.

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

use super::{
    client::Client,
    compare::{self, Comparison, Difference, Fault},
    model::{Account, ByUser, Expected, canonical},
    outcome::{Effect, Outcome},
    requests::{self, ShownFollows, ShownLatest, ShownMessage},
    scenario::Scenario,
};

/// How long a read may take. Nothing is measured; a server that has just been pushed to its limit has
/// time to recover.
const PATIENCE: Duration = Duration::from_secs(30);
/// The status of a server that has no time just now, and how long to wait before it is asked again.
const NO_TIME: u16 = 503;
const PAUSE: Duration = Duration::from_secs(1);
/// Reads under way at once.
const READERS: usize = 16;

/// What was there before a run.
#[derive(Debug, Clone)]
pub(super) struct Before {
    latest: Result<i64, Unread>,
    /// By the users' places in the scenario.
    accounts: Vec<Result<Account, Unread>>,
}

/// Something could not be read: the answer is wrong, or there is none.
#[derive(Debug, Clone)]
pub(super) enum Unread {
    /// The answer has not the contract's form.
    Malformed(String),
    /// There is no answer, or one of another status.
    Failed(String),
}

/// What a comparison of the system with the model has found.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Users whose messages and follows were read.
    pub users: usize,
    /// Messages that were shown.
    pub messages: usize,
    /// Follows that were shown.
    pub follows: usize,
    /// Commands of which it is not known whether they happened: either is right.
    pub uncertain: usize,
    /// What `latest` was; `None` when it could not be read.
    pub latest: Option<i64>,
    /// What it may be.
    pub possible_latest: Vec<i64>,
    /// Everything that is not as it must be.
    pub differences: Vec<Difference>,
    /// What the API did not show.
    pub unverifiable: Vec<String>,
}

impl Verification {
    /// Whether everything could be seen, and was right.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.differences.is_empty() && self.unverifiable.is_empty()
    }

    /// How many differences there are of each kind.
    #[must_use]
    pub fn by_fault(&self) -> BTreeMap<Fault, usize> {
        let mut counts = BTreeMap::new();
        for difference in &self.differences {
            *counts.entry(difference.fault).or_default() += 1;
        }
        counts
    }
}

/// Reads what is there of all users of a scenario, until `stop`.
pub(super) async fn before(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
) -> Before {
    let latest = unless_stopped(stop, latest(client)).await;
    let read = read_all(client, scenario, stop, |_, account| account).await;
    Before { latest, accounts: read }
}

/// Reads what is there after a run, until `stop`, and compares it with what must be.
pub(super) async fn after(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
    before: Before,
    outcomes: Vec<Option<Outcome>>,
    possible_latest: impl FnOnce(i64) -> Vec<i64>,
) -> Verification {
    let uncertain = |it: &&Outcome| it.effect() == Effect::Uncertain;
    let uncertain = outcomes.iter().flatten().filter(uncertain).count();
    let mut verification = Verification { uncertain, ..Verification::default() };
    let shown = unless_stopped(stop, latest(client)).await;
    verification.latest(shown, before.latest, possible_latest);
    let by_user = ByUser::new(scenario);
    let (accounts, names) = (before.accounts, Arc::clone(scenario));
    let compared = read_all(client, scenario, stop, move |user, shown| {
        let name = &names.users()[user];
        let (before, shown) = match (&accounts[user], shown) {
            (Ok(before), Ok(shown)) => (before, shown),
            (Err(unread), _) => return (0, 0, unread.comparison(name, "before the run")),
            (_, Err(unread)) => return (0, 0, unread.comparison(name, "after the run")),
        };
        let expected = Expected::of(&names, &by_user, &outcomes, user, before);
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
        shown: Result<i64, Unread>,
        before: Result<i64, Unread>,
        possible: impl FnOnce(i64) -> Vec<i64>,
    ) {
        let shown = match (shown, before) {
            (Ok(shown), Ok(before)) => {
                self.possible_latest = possible(before);
                shown
            }
            (Err(unread), _) | (_, Err(unread)) => {
                self.add(unread.comparison("latest", ""));
                return;
            }
        };
        self.latest = Some(shown);
        if !self.possible_latest.contains(&shown) {
            let detail = format!("it is {shown}, and may be {}", list(&self.possible_latest));
            let fault = Fault::LatestWrong;
            self.differences.push(Difference { fault, user: None, number: None, detail });
        }
    }
}

/// A few numbers as a text.
fn list(numbers: &[i64]) -> String {
    let shown: Vec<String> = numbers.iter().take(10).map(ToString::to_string).collect();
    let more = if numbers.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

impl Unread {
    /// What it means for the comparison of something.
    fn comparison(&self, what: &str, when: &str) -> Comparison {
        let mut comparison = Comparison::default();
        match self {
            Self::Malformed(detail) => comparison.differences.push(Difference {
                fault: Fault::Malformed,
                user: Some(what.to_owned()),
                number: None,
                detail: format!("{detail} {when}").trim_end().to_owned(),
            }),
            Self::Failed(detail) => {
                comparison
                    .unverifiable
                    .push(format!("{what}: {detail} {when}").trim_end().to_owned());
            }
        }
        comparison
    }
}

/// Reads all users, some at once, and returns what `then` makes of each, in their order.
async fn read_all<T: Send + 'static>(
    client: &Arc<Client>,
    scenario: &Arc<Scenario>,
    stop: &CancellationToken,
    then: impl Fn(usize, Result<Account, Unread>) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let users = scenario.users().len();
    let (next, then) = (Arc::new(AtomicUsize::new(0)), Arc::new(then));
    let mut readers = JoinSet::new();
    for _ in 0..READERS.min(users) {
        let (client, scenario) = (Arc::clone(client), Arc::clone(scenario));
        let (next, then, stop) = (Arc::clone(&next), Arc::clone(&then), stop.clone());
        readers.spawn(async move {
            let mut read = Vec::new();
            loop {
                let user = next.fetch_add(1, Ordering::Relaxed);
                let Some(name) = scenario.users().get(user) else { return read };
                let shown = unless_stopped(&stop, account(&client, name)).await;
                read.push((user, then(user, shown)));
            }
        });
    }
    let mut all: Vec<(usize, T)> = readers.join_all().await.into_iter().flatten().collect();
    all.sort_by_key(|(user, _)| *user);
    all.into_iter().map(|(_, made)| made).collect()
}

async fn unless_stopped<T>(
    stop: &CancellationToken,
    read: impl Future<Output = Result<T, Unread>>,
) -> Result<T, Unread> {
    let read = stop.run_until_cancelled(read).await;
    read.unwrap_or_else(|| Err(Unread::Failed("not read any more".to_owned())))
}

async fn account(client: &Client, name: &str) -> Result<Account, Unread> {
    let Some(messages) = get::<Vec<ShownMessage>>(client, &requests::shown_messages(name)).await?
    else {
        return Ok(Account::default());
    };
    let follows: Option<ShownFollows> = get(client, &requests::shown_follows(name)).await?;
    let follows = follows.ok_or_else(|| {
        Unread::Malformed(
            "there are messages of somebody whose follows are answered 404".to_owned(),
        )
    })?;
    let is_others = |it: &&ShownMessage| canonical(&it.user) != canonical(name);
    if let Some(other) = messages.iter().find(is_others) {
        return Err(Unread::Malformed(format!("a message says that {} wrote it", other.user)));
    }
    let messages = messages.into_iter().rev().map(|message| message.content).collect();
    let followees = follows.follows.iter().map(|name| canonical(name).into_owned()).collect();
    Ok(Account { exists: true, messages, followees })
}

async fn latest(client: &Client) -> Result<i64, Unread> {
    let latest: Option<ShownLatest> = get(client, requests::LATEST).await?;
    latest.map(|it| it.latest).ok_or_else(|| Unread::Failed("answered 404".to_owned()))
}

/// What a path shows; nothing when it is answered 404. A server that has no time for it is asked again.
async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, Unread> {
    let begun = Instant::now();
    let answer = loop {
        let answer = client.send(Method::GET, path, Vec::new(), PATIENCE).await;
        let answer =
            answer.map_err(|none| Unread::Failed(format!("{}: {}", none.error, none.detail)))?;
        if answer.status != NO_TIME || begun.elapsed() > PATIENCE {
            break answer;
        }
        tokio::time::sleep(PAUSE).await;
    };
    match answer.status {
        200 => {}
        404 => return Ok(None),
        status => return Err(Unread::Failed(format!("answered {status}"))),
    }
    let read = serde_json::from_slice(&answer.body);
    read.map(Some).map_err(|error| Unread::Malformed(format!("{path} is malformed: {error}")))
}
