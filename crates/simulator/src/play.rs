//! Plays a scenario: sends each command at its pace, after the commands that it depends on.
//!
//! If the settings say so, a registration phase comes first, before the clock starts: with few users
//! at the start, commands would wait for earlier ones of the same user, and the first seconds would
//! measure these waits.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use hyper::Method;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::Client,
    dependencies::Dependencies,
    outcome::{CommandError, Outcome},
    pace::Pace,
    record::Recorder,
    requests,
    scenario::{Command, CommandKind, Scenario},
    statistics::{CompletedCommand, Statistics},
};

/// Requests in flight in the registration phase. Registrations are expensive: the server hashes a
/// password for each.
const REGISTRATIONS_IN_FLIGHT: usize = 4;
/// The least time-out of the registration phase. A lost registration would fail every later command
/// of its user, and the figures of the run would show mainly that.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest sleep of the scheduler, which bounds its response to `stop`.
const MAX_SLEEP: Duration = Duration::from_millis(20);
/// Characters of an error response that are kept.
const DETAIL_CHARS: usize = 300;

/// How a player sends commands.
pub(crate) struct PlaySettings {
    pub(crate) pace: Pace,
    pub(crate) timeout: Duration,
    /// Whether a registration phase comes first.
    pub(crate) register_first: bool,
    /// By user index: whether the user existed before the run.
    pub(crate) existed: Vec<bool>,
    /// Where the end of each command is recorded.
    pub(crate) record: Option<Arc<Recorder>>,
    /// Once cancelled, no further command is sent; the player waits for those in flight.
    pub(crate) stop: CancellationToken,
}

/// Plays one scenario.
pub(crate) struct Player {
    scenario: Arc<Scenario>,
    client: Arc<Client>,
    settings: PlaySettings,
    /// The commands of the registration phase, by index.
    registrations: Vec<u32>,
    /// The commands after it, by index.
    commands: Vec<u32>,
    dependencies: Mutex<Dependencies>,
    statistics: Mutex<Statistics>,
}

/// The phase in which a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Registration,
    Clock,
}

impl Player {
    pub(crate) fn new(
        scenario: Arc<Scenario>,
        client: Arc<Client>,
        settings: PlaySettings,
    ) -> Arc<Self> {
        let mut dependencies = Dependencies::new(&scenario);
        let is_registration =
            |it: &u32| scenario.commands()[*it as usize].kind() == CommandKind::Register;
        // One that depends on another command stays at its place: moved, it would change the
        // outcome of that command.
        let registrations: Vec<u32> = match settings.register_first {
            true => dependencies.ready().filter(is_registration).collect(),
            false => Vec::new(),
        };
        let mut commands: Vec<u32> = (0..).take(scenario.commands().len()).collect();
        // Both lists are in ascending order.
        commands.retain(|it| registrations.binary_search(it).is_err());
        if !matches!(settings.pace, Pace::Concurrency(_)) {
            dependencies.wait_until_due(&commands);
        }
        let dependencies = Mutex::new(dependencies);
        let statistics = Mutex::new(Statistics::new(scenario.commands().len()));
        Arc::new(Self {
            scenario,
            client,
            settings,
            registrations,
            commands,
            dependencies,
            statistics,
        })
    }

    /// The counts so far.
    pub(crate) fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays the registration phase, if there is one.
    pub(crate) async fn register(self: &Arc<Self>) {
        if self.registrations.is_empty() {
            return;
        }
        {
            let mut statistics = self.statistics();
            statistics.start = Instant::now();
            statistics.begin_registration_phase();
        }
        self.play_concurrently(Phase::Registration, REGISTRATIONS_IN_FLIGHT).await;
        self.statistics().end_registration_phase();
    }

    /// Starts the clock, and plays until every command has ended, or until `stop`. Returns how long
    /// that took.
    pub(crate) async fn play(self: &Arc<Self>) -> Duration {
        let start = Instant::now();
        self.statistics().start = start;
        match self.settings.pace {
            Pace::Concurrency(workers) => self.play_concurrently(Phase::Clock, workers).await,
            Pace::Rate(_) | Pace::Ramp { .. } => self.play_at_rate(start).await,
        }
        self.statistics().end_second();
        start.elapsed()
    }

    /// Each worker repeatedly sends the earliest command that may be sent, and awaits its response.
    async fn play_concurrently(self: &Arc<Self>, phase: Phase, workers: usize) {
        let commands = match phase {
            Phase::Registration => &self.registrations,
            Phase::Clock => &self.commands,
        };
        if commands.is_empty() {
            return;
        }
        let queue = Arc::new(ReadyQueue::new(commands.len()));
        let may_be_sent: Vec<u32> = {
            let dependencies = self.dependencies();
            commands.iter().copied().filter(|it| dependencies.is_ready(*it)).collect()
        };
        queue.add(may_be_sent.into_iter());
        let mut running = JoinSet::new();
        for _ in 0..workers {
            let (player, queue) = (Arc::clone(self), Arc::clone(&queue));
            running.spawn(async move {
                while let Some(index) = queue.next(&player.settings.stop).await {
                    player.send(index, phase, None).await;
                    let ready = player.complete(index).into_iter();
                    if phase == Phase::Clock {
                        queue.add(ready);
                    }
                }
            });
        }
        running.join_all().await;
    }

    /// Sends each command when it is due and its dependencies have ended, without a limit on the
    /// requests in flight.
    async fn play_at_rate(self: &Arc<Self>, start: Instant) {
        let mut positions = vec![0; self.scenario.commands().len()];
        for (position, index) in (0..).zip(&self.commands) {
            positions[*index as usize] = position;
        }
        let scheduler = Arc::new(Scheduler {
            player: Arc::clone(self),
            positions,
            start,
            in_flight: TaskTracker::new(),
            runtime: Handle::current(),
        });
        let running = tokio::task::spawn_blocking({
            let scheduler = Arc::clone(&scheduler);
            move || scheduler.run()
        });
        // An error means a panic, which the runtime has reported.
        let _ = running.await;
        scheduler.in_flight.close();
        scheduler.in_flight.wait().await;
    }

    /// Sends a command and counts its outcome. The latency begins when the command was due.
    async fn send(&self, index: u32, phase: Phase, due: Option<Instant>) {
        let command = &self.scenario.commands()[index as usize];
        let (path, body) = requests::of_command(&self.scenario, command);
        let timeout = match phase {
            Phase::Registration => self.settings.timeout.max(REGISTRATION_TIMEOUT),
            Phase::Clock => self.settings.timeout,
        };
        let call = self.client.call(Method::POST, path, body);
        let sent = Instant::now();
        let result = self.client.send(call, timeout).await;
        let ended = Instant::now();
        let (outcome, detail) = match result {
            Ok(response) => match self.outcome(command, response.status) {
                failed @ Outcome::Failed(_) => (failed, response.excerpt(DETAIL_CHARS)),
                other => (other, String::new()),
            },
            Err(error) => (Outcome::Failed(error.category), error.detail),
        };
        if let Some(record) = &self.settings.record {
            record.add(index, outcome.effect());
        }
        let due = due.unwrap_or(sent);
        let completed = CompletedCommand { index, due, sent, ended, outcome, detail };
        match phase {
            Phase::Registration => self.statistics().add_registration(completed, command),
            Phase::Clock => self.statistics().add(completed, command),
        }
    }

    fn outcome(&self, command: &Command, status: u16) -> Outcome {
        let existed = self.settings.existed.get(command.user.get()) == Some(&true);
        match Outcome::of_status(status) {
            Outcome::Failed(CommandError::Status(400))
                if existed && command.kind() == CommandKind::Register =>
            {
                Outcome::AlreadyRegistered
            }
            outcome => outcome,
        }
    }

    /// Records the end of a command. Returns the commands that may be sent now.
    fn complete(&self, index: u32) -> Vec<u32> {
        self.dependencies().complete(index)
    }

    fn dependencies(&self) -> MutexGuard<'_, Dependencies> {
        self.dependencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The commands that may be sent, earliest first.
struct ReadyQueue {
    commands: Mutex<BinaryHeap<Reverse<u32>>>,
    /// One permit per command in the queue.
    available: Semaphore,
    /// Commands that no worker has received yet.
    left: AtomicUsize,
}

impl ReadyQueue {
    fn new(commands: usize) -> Self {
        let left = AtomicUsize::new(commands);
        Self { commands: Mutex::default(), available: Semaphore::new(0), left }
    }

    fn add(&self, ready: impl Iterator<Item = u32>) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let before = commands.len();
        commands.extend(ready.map(Reverse));
        self.available.add_permits(commands.len() - before);
    }

    /// Waits for a command; `None` after the last one, or after `stop`.
    async fn next(&self, stop: &CancellationToken) -> Option<u32> {
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            permit = self.available.acquire() => permit.ok()?,
        };
        permit.forget();
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.available.close();
        }
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.pop().map(|Reverse(index)| index)
    }
}

/// Sends commands at their due times.
struct Scheduler {
    player: Arc<Player>,
    /// By index of a command: its position among the commands of the clock.
    positions: Vec<u32>,
    start: Instant,
    in_flight: TaskTracker,
    runtime: Handle,
}

impl Scheduler {
    /// When a command is due; `None` if never.
    fn due(&self, index: u32) -> Option<Instant> {
        let due = self.player.settings.pace.due(self.positions[index as usize]);
        due.map(|due| self.start + due)
    }

    /// Runs on a thread of its own: the runtime's timer has a resolution of 1 ms, which would count
    /// as latency.
    fn run(self: Arc<Self>) {
        for &index in &self.player.commands {
            let Some(due) = self.due(index) else { return };
            if !self.sleep_until(due) {
                return;
            }
            if self.player.dependencies().mark_due(index) {
                self.launch(index);
            }
        }
    }

    /// Returns false if the player was stopped.
    fn sleep_until(&self, time: Instant) -> bool {
        loop {
            if self.player.settings.stop.is_cancelled() {
                return false;
            }
            let left = time.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(MAX_SLEEP));
        }
    }

    /// Sends a command; then launches the due commands that waited only for it.
    fn launch(self: &Arc<Self>, index: u32) {
        let scheduler = Arc::clone(self);
        let sending = async move {
            let due = scheduler.due(index);
            scheduler.player.send(index, Phase::Clock, due).await;
            for next in scheduler.player.complete(index) {
                if !scheduler.player.settings.stop.is_cancelled() {
                    scheduler.launch(next);
                }
            }
        };
        self.in_flight.spawn_on(sending, &self.runtime);
    }
}
